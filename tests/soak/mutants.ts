import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { repositoryRoot } from '../../cli/config/config.ts';

interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** A guarantee taken out of the source; a suite that stays green over it would prove nothing. */
export interface Mutant {
  readonly name: string;
  readonly edits: readonly Edit[];
}

const TAKE_OVER = 'streams/runtime/consume/take-over.ts';

/** The specifier by which one file of the tree imports another. */
const specifier = (from: string, to: string): string => relative(dirname(from), to);

/** Reads the group's offset from Kafka, as consumers usually do, and goes on from there. */
const SEEK_FROM_KAFKA: Edit = {
  file: TAKE_OVER,
  from: '        const start = startOffset(name, position, log);\n',
  to: `        const { withAdmin } = await import('${specifier(TAKE_OVER, 'connectors/kafka/admin.ts')}');
        const { processor, topic } = context.key;
        const brokers = (process.env['MUTANT_BROKERS'] ?? '').split(',');
        const groups = await withAdmin({ brokers }, (admin) =>
          admin.fetchOffsets({ groupId: 'marquee.' + processor, topics: [topic] }));
        const told = groups[0]?.partitions.find((p) => p.partition === partition)?.offset ?? '-1';
        const start = told === '-1' ? startOffset(name, position, log) : Number(told);
        if (told !== '-1') return {
          task: createPartitionTask(partition, { ...position, next: Number(told), last: null }, Number(told)),
          start: Number(told),
        };
`,
};

const COMPARE_AND_SET_GONE: Edit = {
  file: 'streams/runtime/commit/offsets.ts',
  from: '\n  AND o.owner_epoch = s.epoch AND o.next_offset = s.from_offset\nRETURNING',
  to: '\nRETURNING',
};

const KAFKA_FIRST: Edit = {
  file: 'streams/runtime/consume/runner.ts',
  from: '      workerOf(batch.partition).wake();\n',
  to: `      void consumer
        .commit([{ topic, partition: batch.partition, next: batch.next }])
        .catch(() => undefined)
        .finally(() => workerOf(batch.partition).wake());
`,
};

export const MUTANTS: readonly Mutant[] = [
  { name: 'nothing is changed (the control, which must be green)', edits: [] },
  { name: 'the compare-and-set is removed', edits: [COMPARE_AND_SET_GONE] },
  {
    name: 'offsets are committed to Kafka first, and reading begins at them',
    edits: [KAFKA_FIRST, SEEK_FROM_KAFKA],
  },
  {
    name: 'the same, and without the compare-and-set',
    edits: [KAFKA_FIRST, SEEK_FROM_KAFKA, COMPARE_AND_SET_GONE],
  },
  { name: 'reading begins at the offset that Kafka knows', edits: [SEEK_FROM_KAFKA] },
  {
    name: 'profiles forget which events they counted',
    edits: [
      {
        file: 'connectors/postgres/claim.ts',
        from: '      if (ids.length === 0) return [];\n',
        to: '      if (ids.length >= 0) return [];\n',
      },
    ],
  },
];

/** A copy of the tree with the edits made; throws where the source no longer reads as expected. */
export function plant(mutant: Mutant): { readonly root: string; remove(): void } {
  const root = mkdtempSync(join(tmpdir(), 'marquee-mutant-'));
  const left = /^(node_modules|\.git|\.marquee|docs|tests)(\/|$)/;
  cpSync(repositoryRoot, root, {
    recursive: true,
    filter: (source) => !left.test(relative(repositoryRoot, source)),
  });
  symlinkSync(join(repositoryRoot, 'node_modules'), join(root, 'node_modules'));
  for (const { file, from, to } of mutant.edits) {
    const path = join(root, file);
    const source = readFileSync(path, 'utf8');
    if (source.split(from).length !== 2)
      throw new Error(`${file} does not hold exactly once what "${mutant.name}" takes out`);
    writeFileSync(
      path,
      source.replace(from, () => to),
    );
  }
  return {
    root,
    remove: () => {
      rmSync(root, { recursive: true, force: true });
    },
  };
}
