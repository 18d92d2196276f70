import { MarqueeError } from '../../common/error.ts';
import type { Session } from '../../connectors/postgres/session.ts';
import { SCOPES } from '../../serving/api/keys/api-key.ts';
import type { ApiKey, Scope } from '../../serving/api/keys/api-key.ts';
import { formatKey, hashSecret, makeKey, parseKey } from '../../serving/api/keys/key-text.ts';
import { insertKey, readKeys, withdrawKey } from '../../serving/api/keys/key-table.ts';
import { textProblem } from '../../schemas/problem.ts';
import { loadConfig } from '../config/config.ts';
import { withSession } from '../config/session.ts';
import { formatTime, left, print, printJson, right, table } from '../terminal/output.ts';

export interface CreateFlags {
  readonly scope: string;
  readonly app: string;
  readonly user?: string;
  readonly rate?: number;
  readonly note?: string;
}

const ask = <T>(work: (session: Session) => Promise<T>): Promise<T> =>
  withSession(loadConfig().postgres.writerUrl, 'keys', work);

/** The command `marquee keys create`: the key alone on standard output, so that it can be taken. */
export async function createKey(flags: CreateFlags): Promise<void> {
  const scopes = scopesOf(flags.scope);
  checkText('--app', flags.app, 64);
  if (flags.user !== undefined) checkText('--user', flags.user, 256);
  if (flags.rate !== undefined && flags.rate >= 2 ** 31)
    throw option('--rate', `is ${flags.rate}: more than a key can have`);
  const made = makeKey();
  await ask((session) =>
    insertKey(session, {
      keyId: made.keyId,
      secretSha256: hashSecret(made.secret),
      scopes,
      app: flags.app,
      userId: flags.user ?? null,
      requestsPerSecond: flags.rate ?? null,
      note: flags.note ?? '',
    }),
  );
  print(formatKey(made));
  process.stderr.write('Keep it: only its hash is stored. APIs that run know it within 5 s.\n');
}

/** The command `marquee keys ls`. */
export async function showKeys(json: boolean): Promise<void> {
  const keys = await ask((session) => readKeys(session, null));
  const sorted = keys.toSorted((a, b) => b.createdAtMs - a.createdAtMs);
  if (json) {
    printJson(sorted.map(asJson));
    return;
  }
  if (sorted.length === 0) {
    print('no key yet: marquee keys create --scope read --app web');
    return;
  }
  print(
    table(
      [
        ...['id', 'scopes', 'app', 'user'].map(left),
        right('a second'),
        ...['created', 'withdrawn', 'note'].map(left),
      ],
      sorted.map((key) => [
        key.keyId,
        key.scopes.join(','),
        key.app,
        key.userId ?? 'any',
        key.requestsPerSecond === null ? 'default' : String(key.requestsPerSecond),
        formatTime(key.createdAtMs),
        formatTime(key.withdrawnAtMs),
        key.note,
      ]),
    ),
  );
}

/** The command `marquee keys withdraw`. A whole key is understood too. */
export async function withdraw(id: string): Promise<void> {
  const keyId = parseKey(id)?.keyId ?? id;
  const key = await ask((session) => withdrawKey(session, keyId));
  if (key === null)
    throw new MarqueeError('MARQUEE_KEY_UNKNOWN', `there is no key ${keyId}: marquee keys ls`);
  print(`${key.keyId} of ${key.app} is withdrawn since ${formatTime(key.withdrawnAtMs)}`);
}

function asJson(key: ApiKey): object {
  return {
    key_id: key.keyId,
    scopes: key.scopes,
    app: key.app,
    user_id: key.userId,
    requests_per_second: key.requestsPerSecond,
    created_at: new Date(key.createdAtMs).toISOString(),
    withdrawn_at: key.withdrawnAtMs === null ? null : new Date(key.withdrawnAtMs).toISOString(),
    note: key.note,
  };
}

function scopesOf(text: string): Scope[] {
  const scopes = text.split(',').map((scope) => scope.trim());
  const known: readonly string[] = SCOPES;
  const wrong = scopes.find((scope) => !known.includes(scope));
  if (wrong !== undefined)
    throw option('--scope', `${JSON.stringify(wrong)} is none of ${SCOPES.join(', ')}`);
  return [...new Set(scopes)] as Scope[];
}

function checkText(name: string, text: string, max: number): void {
  const found = textProblem(name, text, { min: 1, max });
  if (found !== null) throw option(name, found.message.slice(name.length + 1));
}

function option(name: string, said: string): MarqueeError {
  return new MarqueeError('MARQUEE_KEY_OPTION', `keys create: ${name} ${said}`, { field: name });
}
