import { expect, it, vi } from 'vitest';

vi.stubGlobal('matchMedia', () => ({ matches: false }));
const { backOff_ms } = await import('./stream.svelte');

it('waits longer each time, never beyond a quarter of a minute and its jitter', () => {
  const waits = [0, 1, 2, 3, 4, 5, 20].map((tries) => backOff_ms(tries, 0.5));
  expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
  expect(backOff_ms(20, 1)).toBe(18_750);
});
