/** `marquee serve`, with a recommender that always answers. */
import { loadConfig } from '../../../cli/config/config.ts';
import { serve } from '../../../cli/serving/serve.ts';
import { createTinyRecommender } from './tiny-recommender.ts';

const slowMs = Number(process.argv[2] ?? 0);
const tiny = createTinyRecommender();
await serve(loadConfig({ serve: { port: 0 } }), () =>
  Promise.resolve({
    recommender: {
      ...tiny,
      // For requests that are under way when the process ends.
      popular: async (query) => {
        process.stderr.write('{"event":"asked"}\n');
        await new Promise((resolve) => setTimeout(resolve, slowMs));
        return tiny.popular(query);
      },
    },
    isReady: () => true,
    dependencies: () => [{ name: 'tiny', state: 'ok' }],
    close: () => Promise.resolve(),
  }),
);
