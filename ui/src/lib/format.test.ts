import { describe, expect, it } from 'vitest';
import { age, coordinates, likelihood, percent, toMs, utcTime } from './format';

describe('time', () => {
  it('keeps microseconds, which tell two sensors apart', () => {
    expect(toMs('2026-11-24T12:00:00.123456Z')).toBeCloseTo(Date.UTC(2026, 10, 24, 12) + 123.456, 3);
    expect(toMs('2026-11-24T12:00:00Z')).toBe(Date.UTC(2026, 10, 24, 12));
  });

  it('gives ages in seconds first, then in what a person would say', () => {
    const ages = [0, 59, 60, 200, 599, 1800, 7500, 200_000].map((seconds) => age(0, seconds * 1000));
    expect(ages).toEqual([
      '0 s ago',
      '59 s ago',
      '1 min 0 s ago',
      '3 min 20 s ago',
      '9 min 59 s ago',
      '30 min ago',
      '2 h 5 min ago',
      '2 d ago',
    ]);
  });

  it('never shows an age below zero when clocks disagree', () => expect(age(5000, 0)).toBe('0 s ago'));

  it('marks UTC with a Z', () => expect(utcTime(Date.UTC(2026, 0, 1, 3, 4, 5))).toBe('03:04:05Z'));
});

describe('words', () => {
  it('never claims certainty', () => {
    expect(percent(0.9999)).toBe('99 %');
    expect(likelihood(1)).toBe('Almost certain');
    expect(likelihood(0.3)).toBe('Unlikely');
  });

  it('gives local places by compass', () => {
    expect(coordinates({ x: -12.4, y: 30 })).toBe('12 m W, 30 m N');
    expect(coordinates({ lat: 41.881832, lon: -87.623177 })).toBe('41.88183, -87.62318');
  });
});
