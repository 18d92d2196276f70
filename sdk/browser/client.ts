/**
 * Emits what users do from a page, by the HTTP API. An event is in localStorage before `emit` returns,
 * and leaves it when the API said that it is stored, or that it never will be: so it may be sent more
 * than once, and counts once by its id.
 */

export interface ClientOptions {
  /** Base of the API. */
  readonly url: string;
  /** A key of scope emit alone: everybody who opens the page can read it. */
  readonly key: string;
  /** The app that the key is for, to have a wrong key refused. */
  readonly app?: string;
  /** Longest wait of an event for company, in milliseconds. */
  readonly lingerMs?: number;
  /** Pauses between tries: from, to. */
  readonly retryFirstMs?: number;
  readonly retryMaxMs?: number;
  /** Told of events that were refused for good, or had no room. */
  readonly onDropped?: (events: readonly object[], why: string) => void;
  /** The page, and where the queue is kept; by default the browser's own. */
  readonly page?: Page;
}

/** An event in the API's own fields; id and time are made here. */
export interface BrowserEvent {
  readonly user_id: string;
  readonly action: string;
  readonly movie_id?: number;
  readonly value?: number;
  readonly session_id?: string;
  readonly request_id?: string;
  readonly position?: number;
  readonly device?: string;
  readonly app_version?: string;
  readonly properties?: Readonly<Record<string, string>>;
}

export interface Client {
  /** Queues an event that happens now; returns its id. */
  emit(event: BrowserEvent): string;
  /** Sends what is due; resolves when the queue is empty or a try has failed. */
  flush(): Promise<void>;
  /** Events that wait. */
  pending(): number;
  /** Takes no notice of the page any more; what is queued stays for the next client. */
  close(): void;
}

/** What is used of a browser. */
export interface Page {
  readonly localStorage?: Pick<Storage, 'getItem' | 'setItem'>;
  readonly navigator?: { sendBeacon?(url: string, body: Blob): boolean };
  addEventListener?(type: string, listener: () => void): void;
  removeEventListener?(type: string, listener: () => void): void;
}

interface Queued {
  readonly event: { readonly event_id: string };
  /** What the clock was known to be off by when the id was made: a batch has one clock. */
  readonly offsetMs: number;
}

const QUEUED_MAX = 1_000;
const BATCH_EVENTS = 50;
/** Browsers send no more than 64 KiB when the page goes. */
const BATCH_CHARS = 20_000;
const CLOCK_TOLERATED_MS = 15_000;

export function createClient(options: ClientOptions): Client {
  const page = options.page ?? (globalThis as unknown as Page);
  const endpoint = `${options.url.replace(/\/+$/, '')}/v1/events`;
  const queue = openQueue(page, `marquee.${options.key.slice(0, 15)}`);
  const lingerMs = options.lingerMs ?? 1_000;
  const firstMs = options.retryFirstMs ?? 1_000;
  const maxMs = options.retryMaxMs ?? 300_000;
  let failures = 0;
  let sending: Promise<void> | null = null;
  const alarm = createAlarm(() => void flush());

  function flush(): Promise<void> {
    sending ??= sendAll().finally(() => {
      sending = null;
    });
    return sending;
  }

  async function sendAll(): Promise<void> {
    for (let batch = nextBatch(queue.read()); batch.length > 0; batch = nextBatch(queue.read())) {
      const waitMs = await send(batch);
      if (waitMs > 0) {
        alarm.stop();
        alarm.wake(waitMs);
        return;
      }
    }
  }

  /** 0 when the events have left the queue, else how long to wait before the next try. */
  async function send(batch: readonly Queued[]): Promise<number> {
    let response: Response;
    let answer: { received_at?: number; code?: string; results?: { status: number }[] } = {};
    const began = Date.now();
    try {
      response = await fetch(endpoint, {
        method: 'POST',
        body: bodyOf(batch),
        // Text needs no question beforehand whether the origin may send it.
        headers: { 'content-type': 'text/plain' },
        keepalive: true,
      });
      answer = (await response.json()) as typeof answer;
    } catch {
      return pauseMs();
    }
    const { status } = response;
    if (status === 400 || status === 413 || status < 300) {
      failures = 0;
      queue.remove(batch);
      learnClock(answer.received_at, began);
      const refused = batch.filter((_, n) => (answer.results?.[n]?.status ?? status) >= 400);
      if (refused.length > 0)
        options.onDropped?.(
          refused.map(({ event }) => event),
          answer.code ?? 'refused',
        );
      return 0;
    }
    const seconds = Number(response.headers.get('retry-after') ?? 0);
    return Math.max(pauseMs(), seconds * 1_000);
  }

  function pauseMs(): number {
    failures++;
    return Math.min(maxMs, firstMs * 2 ** Math.min(failures - 1, 20)) * (0.5 + Math.random() / 2);
  }

  /** So that the next ids are right from the start; halfway is where the answer was made. */
  function learnClock(receivedAt: number | undefined, began: number): void {
    if (receivedAt === undefined) return;
    const offsetMs = Math.round(receivedAt - (began + Date.now()) / 2);
    queue.setOffset(Math.abs(offsetMs) > CLOCK_TOLERATED_MS ? offsetMs : 0);
  }

  function bodyOf(batch: readonly Queued[]): string {
    const events = batch.map(({ event }) => event);
    const sentAt = Date.now() + (batch[0]?.offsetMs ?? 0);
    return JSON.stringify({ events, sent_at: sentAt, key: options.key });
  }

  /** The page goes, perhaps for good. What it took stays queued: nobody says whether it arrived. */
  function leave(): void {
    const batch = nextBatch(queue.read());
    if (batch.length > 0)
      page.navigator?.sendBeacon?.(endpoint, new Blob([bodyOf(batch)], { type: 'text/plain' }));
  }

  const now = (): void => void flush();
  page.addEventListener?.('pagehide', leave);
  page.addEventListener?.('online', now);
  if (queue.read().length > 0) alarm.wake(0);
  return {
    emit(fields) {
      const offsetMs = queue.offset();
      const id = makeId(Date.now() + offsetMs);
      const app = options.app === undefined ? {} : { app: options.app };
      const dropped = queue.add({ event: { event_id: id, ...fields, ...app }, offsetMs });
      if (dropped.length > 0) options.onDropped?.(dropped, 'no_room');
      // While tries fail, the next one is set.
      if (failures === 0) alarm.wake(queue.read().length >= BATCH_EVENTS ? 0 : lingerMs);
      return id;
    },
    flush,
    pending: () => queue.read().length,
    close() {
      alarm.stop();
      page.removeEventListener?.('pagehide', leave);
      page.removeEventListener?.('online', now);
    },
  };
}

/** The next try: it may be brought forward, and is put off only by setting it anew. */
function createAlarm(ring: () => void) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let dueAt = Infinity;
  const stop = (): void => {
    clearTimeout(timer);
    dueAt = Infinity;
  };
  return {
    stop,
    wake(inMs: number): void {
      const at = Date.now() + inMs;
      if (at >= dueAt) return;
      stop();
      dueAt = at;
      timer = setTimeout(() => {
        dueAt = Infinity;
        ring();
      }, inMs);
    },
  };
}

/** The oldest events of one clock, as many as go into a batch. */
function nextBatch(queued: readonly Queued[]): Queued[] {
  const batch: Queued[] = [];
  let chars = 0;
  for (const entry of queued) {
    chars += JSON.stringify(entry.event).length;
    const isFull = batch.length === BATCH_EVENTS || chars > BATCH_CHARS;
    if (batch.length > 0 && (isFull || entry.offsetMs !== batch[0]?.offsetMs)) break;
    batch.push(entry);
  }
  return batch;
}

interface Stored {
  readonly queued: readonly Queued[];
  readonly offsetMs: number;
}

/** The queue in localStorage, shared by the tabs of an origin; in memory where there is none. */
function openQueue(page: Page, name: string) {
  let memory: Stored = { queued: [], offsetMs: 0 };
  let storage: Page['localStorage'];
  try {
    storage = page.localStorage;
  } catch {
    // A page may be refused its storage.
  }

  function load(): Stored {
    try {
      const text = storage?.getItem(name);
      const stored = JSON.parse(text ?? 'null') as Stored | null;
      if (Array.isArray(stored?.queued)) memory = stored;
    } catch {
      // What is there is not ours, or can't be had: what is in memory goes on.
    }
    return memory;
  }

  function save(next: Stored): void {
    memory = next;
    try {
      storage?.setItem(name, JSON.stringify(next));
    } catch {
      // It is full: what was there would come back at the next look.
      storage = undefined;
    }
  }

  return {
    read: () => load().queued,
    offset: () => load().offsetMs,
    setOffset(offsetMs: number): void {
      const stored = load();
      if (stored.offsetMs !== offsetMs) save({ ...stored, offsetMs });
    },
    /** Returns what had to go for it. */
    add(entry: Queued): object[] {
      const { queued, offsetMs } = load();
      const all = [...queued, entry];
      const dropped = all.splice(0, Math.max(0, all.length - QUEUED_MAX));
      save({ queued: all, offsetMs });
      return dropped.map(({ event }) => event);
    },
    remove(batch: readonly Queued[]): void {
      const gone = new Set(batch.map(({ event }) => event.event_id));
      const { queued, offsetMs } = load();
      save({ queued: queued.filter(({ event }) => !gone.has(event.event_id)), offsetMs });
    },
  };
}

/** A UUIDv7 of that time. */
function makeId(ms: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  for (let n = 0; n < 6; n++) bytes[n] = Math.floor(ms / 2 ** (40 - 8 * n)) % 256;
  bytes[6] = 0x70 | ((bytes[6] as number) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] as number) & 0x3f);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
