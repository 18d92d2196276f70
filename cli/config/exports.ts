import type { Config } from './config.ts';

/** Names that psql, the AWS clients and what is built on them know. */
export function exportsOf({ objectStore, postgres }: Config): Readonly<Record<string, string>> {
  return {
    AWS_ENDPOINT_URL: objectStore.endpoint,
    AWS_ACCESS_KEY_ID: objectStore.accessKey,
    AWS_SECRET_ACCESS_KEY: objectStore.secretKey,
    AWS_REGION: 'us-east-1',
    MARQUEE_S3_BUCKET: objectStore.bucket,
    ...postgresExports(postgres.readerUrl),
  };
}

/** Names by which psql and other clients of libpq find a database. */
export function postgresExports(address: string): Readonly<Record<string, string>> {
  const url = new URL(address);
  return {
    PGHOST: url.hostname,
    PGPORT: url.port,
    PGUSER: decodeURIComponent(url.username),
    PGPASSWORD: decodeURIComponent(url.password),
    PGDATABASE: url.pathname.slice(1),
  };
}
