/** What was heard and not taken for gunfire, as events of one or more sensors. */

import { getRejected } from './api';
import { toMs } from './format';
import { GUNSHOT, type Detection } from './types';

const KEPT_MAX = 600;
const SAME_SOUND_MS = 1500; // sound crosses half a kilometre in that time

/** One sound as several sensors heard it. */
export interface Rejection {
  id: string;
  time: number;
  label: string;
  score: number;
  sensors: string[];
  detections: Detection[];
}

/** Probability of what it was taken for. */
const taken = (detection: Detection) => detection.classes[detection.label] ?? 1 - detection.score;

/** Put detections of one label and one moment together; newest first. */
export function group(detections: readonly Detection[]): Rejection[] {
  const open = new Map<string, Rejection>();
  const groups: Rejection[] = [];
  for (const detection of [...detections].sort((a, b) => toMs(a.time) - toMs(b.time))) {
    const time = toMs(detection.time);
    const last = open.get(detection.label);
    if (last && time - last.time <= SAME_SOUND_MS) {
      last.detections.push(detection);
      last.score = Math.max(last.score, taken(detection));
      if (!last.sensors.includes(detection.sensor_id)) last.sensors.push(detection.sensor_id);
      continue;
    }
    const begun: Rejection = {
      id: detection.id,
      time,
      label: detection.label,
      score: taken(detection),
      sensors: [detection.sensor_id],
      detections: [detection],
    };
    open.set(detection.label, begun);
    groups.push(begun);
  }
  return groups.reverse();
}

export class Rejected {
  #byId = $state.raw<ReadonlyMap<string, Detection>>(new Map());
  list = $derived(group([...this.#byId.values()]));
  loaded = $state(false);

  take(detections: readonly Detection[]): void {
    const all = [...this.#byId.values(), ...detections.filter((detection) => detection.label !== GUNSHOT)];
    const newest = all.length > KEPT_MAX ? all.sort((a, b) => toMs(a.time) - toMs(b.time)).slice(-KEPT_MAX) : all;
    this.#byId = new Map(newest.map((detection) => [detection.id, detection]));
  }

  async load(): Promise<void> {
    const { items } = await getRejected(KEPT_MAX);
    this.take(items);
    this.loaded = true;
  }
}

export const rejected = new Rejected();
