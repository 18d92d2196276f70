/** The layers of docs/architecture.md; checked by `./marquee check`. */

/** Clients and other I/O that a pure file has no business with. */
const clients =
  '^node_modules/(kafkajs|node-rdkafka|@kafkajs|pg|pg-copy-streams|ioredis|minio|pino|prom-client)/';

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'schemas-import-nothing',
      comment: 'The contract stands on its own.',
      severity: 'error',
      from: { path: '^schemas/' },
      to: {
        pathNot: '^(schemas/|node_modules/(avsc|yaml|prettier)/)',
        dependencyTypesNot: ['core'],
      },
    },
    {
      name: 'sdk-imports-the-contract-only',
      comment: 'The SDK is published alone.',
      severity: 'error',
      from: { path: '^sdk/' },
      to: {
        pathNot: '^(sdk/|schemas/|node_modules/(avsc|kafkajs|@kafkajs/confluent-schema-registry)/)',
        dependencyTypesNot: ['core'],
      },
    },
    {
      name: 'connectors-do-not-meet',
      severity: 'error',
      from: { path: '^connectors/([^/]+)/' },
      to: { path: '^connectors/([^/]+)/', pathNot: '^connectors/$1/' },
    },
    {
      name: 'connectors-know-no-stream',
      severity: 'error',
      from: { path: '^connectors/' },
      to: { path: '^(streams|serving|sdk|sql)/', pathNot: '^sdk/src/kafka/kafkajs-' },
    },
    {
      name: 'processors-meet-through-topics-and-tables',
      severity: 'error',
      from: { path: '^streams/([^/]+)/' },
      to: { path: '^streams/([^/]+)/', pathNot: '^streams/($1|runtime|topics)/' },
    },
    {
      name: 'runtime-knows-no-processor',
      severity: 'error',
      from: { path: '^streams/runtime/' },
      to: { path: '^streams/', pathNot: '^streams/runtime/' },
    },
    {
      name: 'core-is-pure',
      comment: 'core.ts imports no client; it is tested without one.',
      severity: 'error',
      from: { path: '^streams/[^/]+/core\\.ts$' },
      to: {
        path: `${clients}|^(connectors|cli|sql)/|store\\.ts$`,
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'serving-takes-pure-parts-of-streams',
      severity: 'error',
      from: { path: '^serving/' },
      to: { path: '^streams/', pathNot: '/core\\.ts$' },
    },
    {
      name: 'nobody-imports-the-cli',
      severity: 'error',
      from: { pathNot: '^(cli|tests)/' },
      to: { path: '^cli/' },
    },
    {
      name: 'nobody-imports-tests',
      comment: 'The bench command runs what is in tests/bench.',
      severity: 'error',
      from: { pathNot: '^(tests/|cli/commands/bench\\.ts$)' },
      to: { path: '^tests/' },
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
    exclude: { path: '(^|/)(dist|\\.marquee)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
