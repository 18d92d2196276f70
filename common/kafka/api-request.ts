/** A request of ours to a Kafka broker: its body in wire format, and how to read the answer's. */
export interface ApiRequest<T> {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly apiName: string;
  readonly body: Buffer;
  readonly decode: (payload: Buffer) => T;
}
