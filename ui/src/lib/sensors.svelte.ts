/** Sensors: where they hang, how they are, what they hear just now. */

import { getSensors } from './api';
import { Envelope } from './envelope';
import { toMs } from './format';
import { GUNSHOT, type Detection, type Notice, type SensorState, type SensorStatus, type Site, type Strip } from './types';

/** How long a sensor stays marked after it heard a shot. */
export const HOT_MS = 15_000;

export class SensorView {
  state = $state<SensorState>('live');
  level_dbfs = $state<number | null>(null);
  label = $state('quiet');
  notices = $state.raw<Record<string, number>>({});
  /** When it last heard a shot, and how sure of it the model was; 0: not lately. */
  shotAt = $state(0);
  shotScore = $state(0);
  readonly envelope = new Envelope();

  constructor(
    readonly id: string,
    readonly name: string,
    readonly position: Site['sensors'][number]['position'],
  ) {}

  hear(strip: Strip): void {
    this.envelope.take(strip, strip.label === GUNSHOT);
    this.label = strip.label;
    const peak = Math.max(...strip.peaks, 1e-6);
    this.level_dbfs = 20 * Math.log10(peak);
    if (strip.label === GUNSHOT) this.shoot(toMs(strip.time), strip.score);
  }

  shoot(time_ms: number, score: number): void {
    if (time_ms - this.shotAt > HOT_MS) this.shotScore = 0;
    this.shotAt = Math.max(this.shotAt, time_ms);
    this.shotScore = Math.max(this.shotScore, score);
  }
}

export class Sensors {
  list = $state.raw<readonly SensorView[]>([]);
  #byId = new Map<string, SensorView>();
  #told = new Set<string>();
  /** End of the newest sound of any sensor, milliseconds since 1970. */
  heardUntil = $state(0);
  notice = $state.raw<Notice | null>(null);

  settle(site: Site): void {
    this.list = site.sensors.map(({ id, name, position }) => this.#byId.get(id) ?? new SensorView(id, name, position));
    this.#byId = new Map(this.list.map((sensor) => [sensor.id, sensor]));
  }

  get(id: string): SensorView | undefined {
    return this.#byId.get(id);
  }

  hearStrips({ items }: { items: Strip[] }): void {
    for (const strip of items) this.#byId.get(strip.sensor_id)?.hear(strip);
    this.heardUntil = Math.max(this.heardUntil, ...this.list.map((sensor) => sensor.envelope.end_ms));
  }

  hearDetection(detection: Detection): void {
    if (detection.label === GUNSHOT) this.#byId.get(detection.sensor_id)?.shoot(toMs(detection.time), detection.score);
  }

  hearNotice(notice: Notice): void {
    this.notice = notice;
    const sensor = notice.sensor_id ? this.#byId.get(notice.sensor_id) : undefined;
    if (sensor) sensor.notices = { ...sensor.notices, [notice.kind]: (sensor.notices[notice.kind] ?? 0) + 1 };
  }

  /** States that have changed, as the stream tells them. */
  take({ items }: { items: SensorStatus[] }): void {
    for (const status of items) {
      this.#told.add(status.id);
      this.#settleState(status);
    }
  }

  /** All states; what the stream tells while they are on their way is newer, and stays. */
  async load(): Promise<void> {
    this.#told.clear();
    const { items } = await getSensors();
    for (const status of items) if (!this.#told.has(status.id)) this.#settleState(status);
  }

  #settleState(status: SensorStatus): void {
    const sensor = this.#byId.get(status.id);
    if (!sensor) return;
    sensor.state = status.state;
    if (status.notices) sensor.notices = status.notices;
    if (status.state !== 'live' || sensor.level_dbfs === null) sensor.level_dbfs = status.level_dbfs ?? null;
  }
}

export const sensors = new Sensors();
