/** What time it is by the server, so that a phone with a wrong clock still shows true ages. */

import { toMs } from './format';

const FOLLOW_FROM_MS = 15_000;

class Clock {
  /** Milliseconds since 1970, renewed once a second. */
  now = $state(Date.now());
  #skew_ms = 0;
  #follows = false;

  start(): () => void {
    const timer = setInterval(() => this.#renew(), 1000);
    return () => clearInterval(timer);
  }

  /** The server has just said what time it is. */
  correct(serverTime: string): void {
    if (this.#follows) return;
    this.#skew_ms = toMs(serverTime) - Date.now();
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
