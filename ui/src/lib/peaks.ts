/** Loudness over time of a clip, decoded once and kept. */

import { clipUrl } from './api';

export const PEAKS = 120;
const KEPT_MAX = 200;
/** A shot is told before its clip is whole: what is not there yet is asked for again, after so long. */
const WAITS_MS = [0, 400, 800, 1600];
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

async function fetchClip(detectionId: string): Promise<ArrayBuffer> {
  for (const wait_ms of WAITS_MS) {
    await new Promise((done) => setTimeout(done, wait_ms));
    const answer = await fetch(clipUrl(detectionId));
    if (answer.ok) return answer.arrayBuffer();
    if (answer.status !== 404) break;
  }
  throw new Error('The sound is no longer kept.');
}

async function fetchPeaks(detectionId: string): Promise<number[]> {
  const decoder = new OfflineAudioContext(1, 1, 16_000);
  const sound = await decoder.decodeAudioData(await fetchClip(detectionId));
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
