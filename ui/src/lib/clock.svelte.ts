/** What time it is by the server, so that a phone with a wrong clock still shows true ages. */

import { toMs } from './format';

const DRIFT_MS = 5; // what an old comparison loses to a new one
const FOLLOW_FROM_MS = 60_000; // more than the stream reaches back when it is opened

class Clock {
  /** Milliseconds since 1970, renewed once a second. */
  now = $state(Date.now());
  #skew_ms = 0;
  #uncertainty_ms = Infinity;
  #follows = false;

  start(): () => void {
    const timer = setInterval(() => this.#renew(), 1000);
    return () => clearInterval(timer);
  }

  /** The server said `serverTime` between these two moments of this device's clock; the surest word counts. */
  compare(serverTime: string, asked_ms: number, answered_ms: number): void {
    const uncertainty_ms = (answered_ms - asked_ms) / 2;
    this.#uncertainty_ms += DRIFT_MS;
    if (this.#follows || uncertainty_ms > this.#uncertainty_ms) return;
    this.#uncertainty_ms = uncertainty_ms;
    this.#skew_ms = toMs(serverTime) - (asked_ms + answered_ms) / 2;
    this.#renew();
  }

  /** A simulation has a time of its own: go by its sound where that is not the time of day. */
  follow(heardUntil_ms: number): void {
    if (Math.abs(heardUntil_ms - Date.now() - this.#skew_ms) < FOLLOW_FROM_MS) return;
    this.#follows = true;
    this.#skew_ms = heardUntil_ms - Date.now();
    this.#renew();
  }

  #renew(): void {
    this.now = Date.now() + this.#skew_ms;
  }
}

export const clock = new Clock();
