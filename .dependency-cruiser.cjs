/**
 * The layers of CONTRIBUTING.md, checked by `./marquee check`: the table there is read, so what it
 * says is what holds. Imports of types count.
 */
const { readFileSync } = require('node:fs');
const { join } = require('node:path');

/** Rows of the table "Rooms": `folder/` | what is in it | `may/`, `import/` | packages, or nothing. */
function readRooms() {
  const page = readFileSync(join(__dirname, 'CONTRIBUTING.md'), 'utf8');
  const [, table = ''] = page.split('## Rooms');
  const rooms = [];
  for (const line of table.split('\n')) {
    const cells = line.split('|').map((cell) => cell.trim());
    const [, folder] = /^`([^`]+)\/`$/.exec(cells[1] ?? '') ?? [];
    if (folder === undefined) continue;
    const named = [...cells[3].matchAll(/`([^`]+)\/`/g)].map(([, name]) => name);
    rooms.push({ folder, mayImport: cells[3] === 'all' ? ['all'] : named });
  }
  if (rooms.length === 0) throw new Error('CONTRIBUTING.md: no table of rooms');
  return rooms;
}

const rooms = readRooms();
const ours = `^(${[...new Set(rooms.map(({ folder }) => folder.split('/')[0]))].join('|')})/`;
/** A processor's folder: any of streams/ that has no row of its own. */
const shared = rooms.flatMap(({ folder }) =>
  folder.startsWith('streams/') && !folder.includes('<') ? [folder.slice('streams/'.length)] : [],
);

function pathOf(folder) {
  if (folder === 'streams/<processor>') return `^streams/(?!(?:${shared.join('|')})/)([^/]+)/`;
  return `^${folder}/`;
}

const roomRules = rooms
  .filter(({ mayImport }) => !mayImport.includes('all'))
  .map(({ folder, mayImport }) => ({
    name: `imports-of-${folder.replaceAll(/[^a-z]+/g, '-').replace(/-$/, '')}`,
    comment: 'The table of CONTRIBUTING.md says what this room may import.',
    severity: 'error',
    from: { path: pathOf(folder) },
    to: {
      path: ours,
      pathNot: [
        folder === 'streams/<processor>' ? '^streams/$1/' : `^${folder}/`,
        ...mayImport.map((name) => `^${name}/`),
      ],
    },
  }));

/** Clients and other I/O that a pure file has no business with. */
const clients =
  '^node_modules/(kafkajs|node-rdkafka|@kafkajs|pg|pg-copy-streams|ioredis|minio|pino|prom-client)/';

module.exports = {
  forbidden: [
    ...roomRules,
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-cycles-of-folders',
      comment: 'A folder stands above all that it imports.',
      scope: 'folder',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'the-ground-floor-and-the-sdk-bring-few-packages',
      comment: 'The SDK is published alone, with what it imports of common/ and schemas/.',
      severity: 'error',
      from: { path: '^(common|schemas|sdk)/', pathNot: '^(schemas/codegen|sdk/build\\.ts$)' },
      to: {
        path: '^node_modules/',
        pathNot:
          '^node_modules/(avsc|kafkajs|@kafkajs/confluent-schema-registry|yaml|@types/node)/',
      },
    },
    {
      name: 'connectors-do-not-meet',
      severity: 'error',
      from: { path: '^connectors/([^/]+)/' },
      to: { path: '^connectors/', pathNot: '^connectors/$1/' },
    },
    {
      name: 'core-is-pure',
      comment: 'core.ts imports no client; it is tested without one.',
      severity: 'error',
      from: { path: '^streams/[^/]+/core\\.ts$' },
      to: {
        path: `${clients}|^(connectors|sql)/|store\\.ts$`,
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'resolves',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|\\.marquee|add-a-processor)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
