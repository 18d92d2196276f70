import { restoreAddon } from './addon.ts';

// Called by the wrapper after it made node_modules anew: a built addon is put back from the cache.
restoreAddon(process.argv[2] ?? '');
