import { expect, it } from 'vitest';
import { group } from './rejected.svelte';
import type { Detection } from './types';

const heard = (sensor_id: string, second: number, label: string, score: number): Detection => ({
  id: `${sensor_id}${second}${label}`,
  sensor_id,
  time: new Date(Date.UTC(2026, 10, 24, 12, 0, 0, second * 1000)).toISOString(),
  sigma_s: 0.001,
  score: 0.1,
  label,
  classes: { [label]: score },
  snr_db: 20,
  model: 'm',
  clip: null,
});

it('takes one sound at several sensors for one, and two sounds for two', () => {
  //  s   0    0.4   1.0        9
  //  a   F                     F
  //  b        F     D
  const groups = group([heard('a', 9, 'F', 0.7), heard('a', 0, 'F', 0.8), heard('b', 0.4, 'F', 0.9), heard('b', 1, 'D', 0.6)]);
  expect(groups.map(({ label, sensors, score }) => [label, sensors, score])).toEqual([
    ['F', ['a'], 0.7],
    ['D', ['b'], 0.6],
    ['F', ['a', 'b'], 0.9],
  ]);
});
