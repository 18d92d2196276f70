/** A list of 20 movies, as one is answered. */
export const ANSWER = Buffer.from(
  JSON.stringify({
    request_id: '01a1fa6f-e6c0-7ec3-a19e-af9dad0e4a94',
    user_id: 'u-1729',
    surface: 'home',
    source: 'cache',
    algorithm: 'item-item',
    model_version: '20261127-0200',
    items: Array.from({ length: 20 }, (_, index) => ({
      movie_id: 1_000 + 37 * index,
      position: index + 1,
      score: Number((3.5 - index / 10).toFixed(4)),
      reason: { kind: 'similar', movie_id: 296 },
    })),
  }),
);

/** A key of the benchmark alone: its secret opens nothing. */
export const KEY = `mq_${'b'.repeat(12)}_${'B'.repeat(43)}`;

export const REQUEST = Buffer.from(
  'GET /v1/users/u-1729/recommendations?surface=home&limit=20 HTTP/1.1\r\n' +
    `host: 127.0.0.1\r\nauthorization: Bearer ${KEY}\r\n\r\n`,
);
