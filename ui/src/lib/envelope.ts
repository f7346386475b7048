/** The last half minute of one sensor's loudness, in bins of its own clock. */

import { toMs } from './format';
import type { Strip } from './types';

export const STEP_MS = 50;
const BINS = 1200;

export class Envelope {
  #bins = new Float64Array(BINS).fill(-1);
  #peaks = new Float32Array(BINS);
  #gunshot = new Uint8Array(BINS);
  /** End of the newest sound, milliseconds since 1970. */
  end_ms = 0;

  take(strip: Strip, isGunshot: boolean): void {
    const begin_ms = toMs(strip.time);
    const step_ms = strip.step_s * 1000;
    strip.peaks.forEach((peak, index) => this.#put(begin_ms + index * step_ms, peak, isGunshot));
    this.end_ms = Math.max(this.end_ms, begin_ms + strip.peaks.length * step_ms);
  }

  #put(time_ms: number, peak: number, isGunshot: boolean): void {
    const bin = Math.round(time_ms / STEP_MS);
    const at = bin % BINS;
    const isOld = this.#bins[at] !== bin;
    this.#bins[at] = bin;
    this.#peaks[at] = isOld ? peak : Math.max(peak, this.#peaks[at] ?? 0);
    this.#gunshot[at] = isGunshot ? 1 : isOld ? 0 : (this.#gunshot[at] ?? 0);
  }

  /** The largest peak of `count` bins from bin number `first` on, 0 to 1; -1 where there was no sound. */
  loudest(first: number, count: number): { peak: number; isGunshot: boolean } {
    let peak = -1;
    let isGunshot = false;
    for (let bin = first; bin < first + count; bin++) {
      const at = bin % BINS;
      if (this.#bins[at] !== bin) continue;
      peak = Math.max(peak, this.#peaks[at] ?? -1);
      isGunshot ||= this.#gunshot[at] === 1;
    }
    return { peak, isGunshot };
  }
}
