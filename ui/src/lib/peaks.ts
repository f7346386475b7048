/** Loudness over time of a clip, decoded once and kept. */

import { clipUrl } from './api';

export const PEAKS = 120;
const KEPT_MAX = 200;
const kept = new Map<string, Promise<number[]>>();

/** Largest magnitude in each of `count` equal parts, scaled so that the largest is 1. */
export function peaksOf(samples: Float32Array, count = PEAKS): number[] {
  const peaks = new Array<number>(count).fill(0);
  samples.forEach((sample, index) => {
    const part = Math.floor((index * count) / samples.length);
    peaks[part] = Math.max(peaks[part] ?? 0, Math.abs(sample));
  });
  const largest = Math.max(...peaks, 1e-6);
  return peaks.map((peak) => peak / largest);
}

async function fetchPeaks(detectionId: string): Promise<number[]> {
  const answer = await fetch(clipUrl(detectionId));
  if (!answer.ok) throw new Error('The sound is no longer kept.');
  const decoder = new OfflineAudioContext(1, 1, 16_000);
  const sound = await decoder.decodeAudioData(await answer.arrayBuffer());
  return peaksOf(sound.getChannelData(0));
}

/** Peaks of a detection's clip. Rejects where the clip is gone. */
export function clipPeaks(detectionId: string): Promise<number[]> {
  let peaks = kept.get(detectionId);
  if (!peaks) {
    peaks = fetchPeaks(detectionId);
    kept.set(detectionId, peaks);
    const oldest = kept.keys().next().value;
    if (kept.size > KEPT_MAX && oldest !== undefined) kept.delete(oldest);
  }
  return peaks;
}
