import { expect, it } from 'vitest';
import { Envelope, STEP_MS } from './envelope';

const NOON = Date.UTC(2026, 10, 24, 12);
const strip = (time_ms: number, peaks: number[]) => ({
  sensor_id: 'a',
  time: new Date(time_ms).toISOString(),
  step_s: STEP_MS / 1000,
  peaks,
  label: 'quiet',
  score: 0,
});

it('finds what it was told at the time it was told for', () => {
  const envelope = new Envelope();
  envelope.take(strip(NOON, [0.1, 0.9, 0.2, 0.1]), true);
  const first = NOON / STEP_MS;
  expect(envelope.loudest(first, 4)).toEqual({ peak: expect.closeTo(0.9, 5) as number, isGunshot: true });
  expect(envelope.end_ms).toBe(NOON + 4 * STEP_MS);
});

it('shows nothing where a second was lost, not what was there a minute ago', () => {
  const envelope = new Envelope();
  envelope.take(strip(NOON, [0.5]), true);
  expect(envelope.loudest(NOON / STEP_MS + 1200, 1)).toEqual({ peak: -1, isGunshot: false });
  envelope.take(strip(NOON + 60_000, [0.3]), false);
  expect(envelope.loudest(NOON / STEP_MS, 1).peak).toBe(-1);
});
