import { Counter, Histogram, Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { createRequestFigures } from '../../../../serving/api/request-figures.ts';

it('says what the library’s own counter and histogram would say', async () => {
  const ours = new Registry();
  const figures = createRequestFigures(ours);
  const registry = new Registry();
  const registers = [registry];
  const requests = new Counter({
    name: 'marquee_api_requests_total',
    help: 'Requests by route and status; for lists by the source that answered',
    labelNames: ['route', 'status', 'source'],
    registers,
  });
  const seconds = new Histogram({
    name: 'marquee_api_request_seconds',
    help: 'Time from the head of a request to the end of its answer',
    labelNames: ['route'],
    buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers,
  });
  for (let n = 0; n < 300; n++) {
    const route = n % 2 ? '/v1/popular' : '/v1/"odd"\n';
    const [status, source] = n % 3 ? [200, 'popular'] : [404, ''];
    const took = n % 50 === 0 ? 0.001 : 2 ** ((n % 20) - 12);
    figures.add(route, status, source, took);
    requests.inc({ route, status: String(status), source });
    seconds.observe({ route }, took);
  }
  const lines = async (of: Registry): Promise<string[]> => (await of.metrics()).split('\n').sort();
  expect(await lines(ours)).toEqual(await lines(registry));
});
