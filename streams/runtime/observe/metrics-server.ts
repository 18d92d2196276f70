import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import type { RunnerStatus } from './status.ts';

export interface MetricsServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * `/metrics` for Prometheus, `/healthz` (the process works: 200), `/readyz` (every processor has its
 * partitions and no fault is being retried: 200, else 503) with what each processor says.
 */
export async function serveMetrics(options: {
  readonly host: string;
  readonly port: number;
  readonly registry: Registry;
  statuses(): readonly RunnerStatus[];
}): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    const json = (code: number, body: unknown) => {
      response.writeHead(code, { 'content-type': 'application/json' });
      response.end(`${JSON.stringify(body)}\n`);
    };
    switch (request.url?.split('?')[0]) {
      case '/metrics':
        options.registry.metrics().then(
          (text) => {
            response.writeHead(200, { 'content-type': options.registry.contentType });
            response.end(text);
          },
          (error: unknown) => {
            json(500, { error: String(error) });
          },
        );
        return;
      case '/healthz':
        json(200, { status: 'ok' });
        return;
      case '/readyz': {
        const statuses = options.statuses();
        const ready = statuses.every((s) => s.ready);
        json(ready ? 200 : 503, { ready, processors: statuses });
        return;
      }
      default:
        json(404, { error: 'there are /metrics, /healthz and /readyz' });
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}
