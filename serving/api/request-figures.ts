import type { Metric, Registry } from 'prom-client';

/** What became of requests: how many, and how long they took. Told to the registry when it is asked. */
export interface RequestFigures {
  add(route: string, status: number, source: string, seconds: number): void;
}

/** Seconds; what took longer than the last is counted beyond all. */
const BUCKETS = [
  0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10,
] as const;

const COUNT = 'marquee_api_requests_total';
const SECONDS = 'marquee_api_request_seconds';

interface RouteFigures {
  /** By source, then by status. */
  readonly counts: Map<string, Map<number, number>>;
  /** One more than bounds: the last is beyond all. */
  readonly buckets: Float64Array;
  sum: number;
}

/**
 * A counter by route, status and source, and a histogram by route. Kept as numbers: a metric of the library
 * makes its labels to a text for each observation, which takes longer than to route the request.
 */
export function createRequestFigures(registry: Registry): RequestFigures {
  const routes = new Map<string, RouteFigures>();
  registry.registerMetric(counterOf(routes));
  registry.registerMetric(histogramOf(routes));

  function figuresOf(route: string): RouteFigures {
    let figures = routes.get(route);
    if (figures === undefined) {
      figures = { counts: new Map(), buckets: new Float64Array(BUCKETS.length + 1), sum: 0 };
      routes.set(route, figures);
    }
    return figures;
  }

  return {
    add(route, status, source, seconds) {
      const figures = figuresOf(route);
      let byStatus = figures.counts.get(source);
      if (byStatus === undefined)
        figures.counts.set(source, (byStatus = new Map<number, number>()));
      byStatus.set(status, (byStatus.get(status) ?? 0) + 1);
      let bucket = 0;
      while (bucket < BUCKETS.length && seconds > (BUCKETS[bucket] as number)) bucket++;
      figures.buckets[bucket] = (figures.buckets[bucket] as number) + 1;
      figures.sum += seconds;
    },
  };
}

interface Value {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

type Routes = ReadonlyMap<string, RouteFigures>;

function counterOf(routes: Routes): Metric {
  return metricOf(
    'counter',
    COUNT,
    'Requests by route and status; for lists by the source that answered',
    () =>
      [...routes].flatMap(([route, { counts }]) =>
        [...counts].flatMap(([source, byStatus]) =>
          [...byStatus].map(([status, value]) => ({
            labels: { route, status: String(status), source },
            value,
          })),
        ),
      ),
  );
}

function histogramOf(routes: Routes): Metric {
  return metricOf(
    'histogram',
    SECONDS,
    'Time from the head of a request to the end of its answer',
    () =>
      [...routes].flatMap(([route, { buckets, sum }]) => {
        let count = 0;
        const values: Value[] = [...buckets].map((inside, i) => ({
          metricName: `${SECONDS}_bucket`,
          labels: { le: BUCKETS[i] ?? '+Inf', route },
          value: (count += inside),
        }));
        return [
          ...values,
          { metricName: `${SECONDS}_sum`, labels: { route }, value: sum },
          { metricName: `${SECONDS}_count`, labels: { route }, value: count },
        ];
      }),
  );
}

/** As much of a metric as the registry asks for. */
function metricOf(
  type: string,
  name: string,
  help: string,
  values: () => readonly Value[],
): Metric {
  const metric = {
    name,
    get: () => Promise.resolve({ name, help, type, values: values(), aggregator: 'sum' }),
    reset: () => undefined,
  };
  return metric as unknown as Metric;
}
