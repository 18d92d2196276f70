import { MarqueeError } from '../../common/error.ts';
import { recommendationServeKey } from '../../schemas/recommendation-serve.ts';
import type { Action } from '../../schemas/user-action.ts';
import { createUuidv7Source, formatUuid } from '../../common/uuid.ts';
import { buildAction, buildServe } from './actions.ts';
import type { ActionArguments, AnyAction, ProducerIdentityFields, ServeFields } from './actions.ts';
import { createPublisher } from './publisher.ts';
import type { PublisherOptions } from './publisher.ts';
import type { Counts } from './record-buffer.ts';
import type { Delivery } from './delivery.ts';
import { drainOnSigterm } from './sigterm.ts';

export interface ProducerOptions extends Omit<PublisherOptions, 'clientId'> {
  /** The app that emits, 1 to 64 characters. */
  readonly app: string;
  readonly appVersion?: string | undefined;
  /** Device of actions that name none. */
  readonly device?: string | undefined;
  readonly clientId?: string | undefined;
  /**
   * On SIGTERM send what is there. Where the app has no handler of its own, the process then ends
   * by the signal, as it would have; else the app ends, and closes the producer.
   */
  readonly drainOnSigterm?: boolean | undefined;
}

export interface EmittedAction extends Delivery {
  readonly eventId: string;
}

export interface EmittedServe extends Delivery {
  /** Id that the actions answering this list must carry. */
  readonly requestId: string;
}

type Call<A extends Action> = (fields: ActionArguments[A]) => EmittedAction;

/**
 * Emits the actions of users. Each call validates and encodes at once (throwing
 * MARQUEE_INVALID_ACTION with `field`), makes the event's id, and returns before Kafka has it.
 */
export interface Producer {
  /** Resolves when Kafka and the registry were reached. Calls need not wait for it. */
  readonly ready: Promise<void>;
  readonly impression: Call<'impression'>;
  readonly view: Call<'view'>;
  readonly click: Call<'click'>;
  readonly play: Call<'play'>;
  readonly progress: Call<'progress'>;
  readonly complete: Call<'complete'>;
  readonly rate: Call<'rate'>;
  readonly like: Call<'like'>;
  readonly dislike: Call<'dislike'>;
  readonly listAdd: Call<'list_add'>;
  readonly listRemove: Call<'list_remove'>;
  readonly share: Call<'share'>;
  readonly search: Call<'search'>;
  /** Any action, by name. */
  emit(action: AnyAction): EmittedAction;
  /** A list of recommendations that was shown. */
  serve(fields: ServeFields): EmittedServe;
  /** Sends at once; resolves when all emitted before is acknowledged or has failed. */
  flush(): Promise<void>;
  /** Takes nothing more, flushes for at most `timeoutMs` (30 s), and closes the connections. */
  close(options?: { readonly timeoutMs?: number }): Promise<void>;
  counts(): Counts;
}

/** Makes a producer and begins to connect. Throws MARQUEE_INVALID_OPTION with `field`. */
export function createProducer(options: ProducerOptions): Producer {
  checkOptions(options);
  const clientId = options.clientId ?? `marquee-sdk-${options.app}`;
  const publisher = createPublisher({ ...options, clientId }, ['user-actions.v1']);
  const self: ProducerIdentityFields = {
    app: options.app,
    appVersion: options.appVersion ?? null,
    device: options.device ?? null,
    makeId: createUuidv7Source(),
  };
  const forget =
    options.drainOnSigterm === false
      ? (): void => undefined
      : drainOnSigterm({ flush: publisher.flush, close: publisher.close });

  function send(action: Action, fields: object): EmittedAction {
    const record = buildAction(action, fields, self);
    const delivery = publisher.publish('user-actions.v1', record.user_id, record);
    return new Emitted(record.event_id, delivery);
  }

  const call =
    <A extends Action>(action: A): Call<A> =>
    (fields) =>
      send(action, fields);

  return {
    ready: publisher.ready,
    impression: call('impression'),
    view: call('view'),
    click: call('click'),
    play: call('play'),
    progress: call('progress'),
    complete: call('complete'),
    rate: call('rate'),
    like: call('like'),
    dislike: call('dislike'),
    listAdd: call('list_add'),
    listRemove: call('list_remove'),
    share: call('share'),
    search: call('search'),
    emit: (action) => send(action.action, action),
    serve(fields) {
      const record = buildServe(fields, self);
      const key = recommendationServeKey(record);
      const delivery = publisher.publish('recommendation-serves.v1', key, record);
      return new Emitted(record.request_id, delivery);
    },
    flush: publisher.flush,
    async close(closeOptions) {
      forget();
      await publisher.close(closeOptions);
    },
    counts: publisher.counts,
  };
}

/** The id's text and the promises are made when asked for; see DeliveryReport. */
class Emitted implements EmittedAction, EmittedServe {
  readonly #id: Buffer;
  readonly #delivery: Delivery;

  constructor(id: Buffer, delivery: Delivery) {
    this.#id = id;
    this.#delivery = delivery;
  }

  get eventId(): string {
    return formatUuid(this.#id);
  }

  get requestId(): string {
    return formatUuid(this.#id);
  }

  get accepted(): Promise<void> {
    return this.#delivery.accepted;
  }

  get delivered(): Promise<void> {
    return this.#delivery.delivered;
  }
}

function checkOptions(options: ProducerOptions): void {
  const text = (field: 'app' | 'appVersion' | 'device', required: boolean): void => {
    const value: unknown = options[field];
    if (value === undefined && !required) return;
    if (typeof value !== 'string' || value.length > 64 || (required && value === '')) {
      throw invalidOption(field, 'a string of at most 64 characters');
    }
    if (value.includes('\0') || !value.isWellFormed()) throw invalidOption(field, 'valid text');
  };
  text('app', true);
  text('appVersion', false);
  text('device', false);
  if (!Array.isArray(options.brokers) || options.brokers.length === 0) {
    throw invalidOption('brokers', 'a list of host:port');
  }
  if (!URL.canParse(options.registryUrl)) throw invalidOption('registryUrl', 'a URL');
}

function invalidOption(field: string, wanted: string): MarqueeError {
  const message = `createProducer: ${field} must be ${wanted}`;
  return new MarqueeError('MARQUEE_INVALID_OPTION', message, { field });
}
