/** The live stream: resumes where it broke, backs off while the server is away, and notices a line gone dead. */

import { eventsUrl } from './api';

export type Connection = 'connecting' | 'live' | 'lost';
export type Handlers = Record<string, (payload: never) => void>;

const LATEST_AT_FIRST = 40;
const WAIT_MIN_MS = 500;
const WAIT_MAX_MS = 15_000;
const DEAD_AFTER_MS = 40_000; // the server speaks at least every 15 s

/** How long to wait before try number `tries`, with jitter so that many pages do not return at once. */
export function backOff_ms(tries: number, chance = Math.random()): number {
  return Math.min(WAIT_MAX_MS, WAIT_MIN_MS * 2 ** tries) * (0.75 + chance / 2);
}

export class Stream {
  connection = $state<Connection>('connecting');
  /** When the next try is made, milliseconds since 1970; 0 while connected. */
  nextTry = $state(0);
  #lastId = -LATEST_AT_FIRST;
  #tries = 0;
  #source: EventSource | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #watch: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param handlers What to do with each kind of event.
   * @param onFresh Called when events may have been missed: read the lists again.
   */
  constructor(
    readonly handlers: Handlers,
    readonly onFresh: () => void,
  ) {}

  open(): void {
    this.close();
    const source = new EventSource(eventsUrl(this.#lastId));
    this.#source = source;
    this.#listen(source, 'hello', (payload: { resumed: boolean }) => this.#greet(payload));
    this.#listen(source, 'heartbeat', () => {}); // hearing it is enough
    for (const [kind, handle] of Object.entries(this.handlers)) this.#listen(source, kind, handle);
    source.onerror = () => this.#lose();
    this.#watchLine();
  }

  close(): void {
    clearTimeout(this.#retry);
    clearTimeout(this.#watch);
    this.#source?.close();
    this.#source = null;
  }

  #listen<T>(source: EventSource, kind: string, handle: (payload: T) => void): void {
    source.addEventListener(kind, (event: MessageEvent<string>) => {
      if (source !== this.#source) return;
      this.#watchLine();
      handle(JSON.parse(event.data) as T);
      if (event.lastEventId) this.#lastId = Number(event.lastEventId);
    });
  }

  #greet({ resumed }: { resumed: boolean }): void {
    this.connection = 'live';
    this.nextTry = 0;
    this.#tries = 0;
    if (!resumed) {
      this.#lastId = -LATEST_AT_FIRST; // numbers of another run of the service must not be asked for again
      this.onFresh();
    }
  }

  #lose(): void {
    this.close();
    this.connection = 'lost';
    const wait = backOff_ms(this.#tries++);
    this.nextTry = Date.now() + wait;
    this.#retry = setTimeout(() => this.open(), wait);
  }

  #watchLine(): void {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => this.#lose(), DEAD_AFTER_MS);
  }
}
