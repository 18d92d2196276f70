import { parseArgs } from 'node:util';
import { judgeMovieLens } from './movielens.ts';
import { judgeSynthetic } from './synthetic.ts';

const HELP = `marquee eval ranking: the batch stage's lists against what users did next

  --data DIR          a MovieLens folder: split, train part backfilled, lists as published judged
  --fraction SHARE    of each user's ratings that train (0.8)
  --protocol DIR      split.py and score.py, and reference.md to compare with (batch/evaluation)
  --rankers LIST      blend,als,item_item,sparse,neighbours,popularity: a run of the batch stage each
                      (blend,als,sparse)
  --tune              instead: marquee batch tune on the train part, and what it chooses
  --synthetic         instead: a world of known tastes, judged by what each run holds out itself
  --events N, --users N, --movies N   of that world (300,000, 5,000, 2,000)
  --seed N            of the models, and of the world (7)
  --set NAME=VALUE    a setting of the batch stage; may be repeated
`;

const text = { type: 'string' } as const;
const { values } = parseArgs({
  options: {
    data: text,
    fraction: text,
    protocol: text,
    rankers: text,
    synthetic: { type: 'boolean' },
    tune: { type: 'boolean' },
    events: text,
    users: text,
    movies: text,
    seed: text,
    set: { type: 'string', multiple: true },
    help: { type: 'boolean' },
  },
});
const number = (given: string | undefined, fallback: number): number =>
  given === undefined ? fallback : Number(given.replaceAll(/[_,]/g, ''));

const common = { seed: number(values.seed, 7), settings: values.set ?? [] };
if (values.help === true || (values.data === undefined && values.synthetic !== true)) {
  process.stdout.write(HELP);
  if (values.help !== true) process.exitCode = 2;
} else if (values.synthetic === true) {
  await judgeSynthetic({
    ...common,
    events: number(values.events, 300_000),
    users: number(values.users, 5_000),
    movies: number(values.movies, 2_000),
  });
} else {
  await judgeMovieLens({
    ...common,
    data: values.data as string,
    fraction: number(values.fraction, 0.8),
    tune: values.tune === true,
    protocol: values.protocol ?? null,
    rankers: (values.rankers ?? 'blend,als,sparse').split(','),
  });
}
