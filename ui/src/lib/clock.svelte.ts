/** What time it is by the server, so that a phone with a wrong clock still shows true ages. */

import { toMs } from './format';

class Clock {
  /** Milliseconds since 1970, renewed once a second. */
  now = $state(Date.now());
  #skew_ms = 0;

  start(): () => void {
    const timer = setInterval(() => this.#renew(), 1000);
    return () => clearInterval(timer);
  }

  /** The server has just said what time it is. */
  correct(serverTime: string): void {
    this.#skew_ms = toMs(serverTime) - Date.now();
    this.#renew();
  }

  #renew(): void {
    this.now = Date.now() + this.#skew_ms;
  }
}

export const clock = new Clock();
