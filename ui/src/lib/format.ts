/** Facts as words: times, places, counts, probabilities. */

import type { Fire, Incident, Place, Verdict } from './types';

const pad = (value: number) => String(value).padStart(2, '0');

/** Milliseconds since 1970 of an RFC 3339 time; fractions beyond the millisecond are kept. */
export function toMs(time: string): number {
  const fraction = /\.(\d+)/.exec(time)?.[1] ?? '';
  return Date.parse(time.replace(/\.\d+/, '')) + Number(`0.${fraction || '0'}`) * 1000;
}

/** `12 s ago`, `3 min 20 s ago`, `2 h 5 min ago`. */
export function age(ms: number, now: number): string {
  const seconds = Math.max(0, Math.floor((now - ms) / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return `${minutes} min ${seconds % 60} s ago`;
  if (minutes < 60) return `${minutes} min ago`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours} h ${minutes % 60} min ago` : `${Math.floor(hours / 24)} d ago`;
}

/** Local time of day with seconds. */
export function localTime(ms: number): string {
  const moment = new Date(ms);
  return `${pad(moment.getHours())}:${pad(moment.getMinutes())}:${pad(moment.getSeconds())}`;
}

/** Time of day in UTC with seconds and a Z. */
export const utcTime = (ms: number) => `${new Date(ms).toISOString().slice(11, 19)}Z`;

/** Local date in the reader's own language. */
export const localDate = (ms: number) =>
  new Date(ms).toLocaleDateString(undefined, { weekday: 'short', day: 'numeric', month: 'short' });

/** Coordinates to about a metre. */
export function coordinates(place: Place): string {
  if ('lat' in place) return `${place.lat.toFixed(5)}, ${place.lon.toFixed(5)}`;
  const east = `${Math.abs(place.x).toFixed(0)} m ${place.x < 0 ? 'W' : 'E'}`;
  return `${east}, ${Math.abs(place.y).toFixed(0)} m ${place.y < 0 ? 'S' : 'N'}`;
}

/** `± 9 m`: the longer half-axis of the 95 % ellipse, rounded up. */
export function plusMinus(incident: Incident): string {
  return incident.ellipse ? `± ${Math.ceil(incident.ellipse.semi_major_m)} m` : '';
}

export const percent = (score: number) => `${Math.min(99, Math.round(score * 100))} %`;

/** A probability in words, for who must decide at once. */
export function likelihood(score: number): string {
  if (score >= 0.95) return 'Almost certain';
  if (score >= 0.85) return 'Very likely';
  if (score >= 0.65) return 'Likely';
  return score >= 0.4 ? 'Possible' : 'Unlikely';
}

export const plural = (count: number, one: string, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;

/** `3 rounds`, `1 round`. */
export const rounds = (incident: Incident) => plural(incident.rounds, 'round');

/** `2–4`, empty where the count is certain. */
export function roundsInterval(incident: Incident): string {
  const [low, high] = incident.rounds_interval;
  return low === high ? '' : `${low}–${high}`;
}

export const FIRE: Record<Fire, string> = {
  single: 'Single shot',
  multiple: 'Multiple shots',
  possibly_automatic: 'Possibly automatic',
};

/** For where room is scarce; the long form goes beside it as a title. */
export const FIRE_SHORT: Record<Fire, string> = {
  single: 'single',
  multiple: 'multiple',
  possibly_automatic: 'automatic?',
};

export const VERDICT: Record<Verdict, string> = {
  confirmed: 'Confirmed',
  dismissed: 'Dismissed',
  unsure: 'Verdict taken back',
};

/** `nail_gun` as `Nail gun`. */
export function className(label: string): string {
  const words = label.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export const dbfs = (level: number) => `${level < 0 ? '−' : ''}${Math.abs(Math.round(level))} dBFS`;

/** What a screen reader says of a new incident. */
export function announcement(incident: Incident): string {
  const where = incident.position
    ? `at ${coordinates(incident.position)} ${plusMinus(incident).replace('±', 'plus or minus')}`
    : 'place unknown';
  return `New incident: ${rounds(incident)}, ${where}, ${likelihood(incident.score).toLowerCase()}.`;
}
