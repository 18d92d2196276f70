/** `marquee serve`, whose spool finds the disk full while the file that is named stands there. */
import { existsSync } from 'node:fs';
import { loadConfig } from '../../../cli/config/config.ts';
import { openRecommender } from '../../../cli/serving/open-recommender.ts';
import { serve } from '../../../cli/serving/serve.ts';
import { FILE_IO } from '../../../serving/log/spool-writer.ts';

const sign = process.argv[2] ?? '';
const refuseWhenFull = (): void => {
  if (existsSync(sign)) throw new Error('ENOSPC: no space left on device, write');
};

await serve(loadConfig({ serve: { port: 0 } }), (config, registry) =>
  openRecommender(config, registry, {
    io: {
      open(path) {
        refuseWhenFull();
        return FILE_IO.open(path);
      },
      write(fd, bytes, from, to, at) {
        // By half, as a disk does that fills up.
        if (existsSync(sign)) FILE_IO.write(fd, bytes, from, from + Math.ceil((to - from) / 2), at);
        refuseWhenFull();
        return FILE_IO.write(fd, bytes, from, to, at);
      },
    },
  }),
);
