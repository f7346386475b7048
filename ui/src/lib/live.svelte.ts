/** Everything the Live page shows, started once: lists from the API, then the stream. */

import { alerts } from './alerts.svelte';
import { getHealth, getSite } from './api';
import { clock } from './clock.svelte';
import { playCue } from './cue';
import { announcement } from './format';
import { incidents } from './incidents.svelte';
import { preferences } from './preferences.svelte';
import { rejected } from './rejected.svelte';
import { sensors } from './sensors.svelte';
import { Stream } from './stream.svelte';
import type { Detection, Health, Incident, IncidentAlerts, Notice, SensorStatus, Site, Strip } from './types';

const HEALTH_EVERY_MS = 10_000;

class Live {
  site = $state.raw<Site | null>(null);
  health = $state.raw<Health | null>(null);
  failure = $state('');
  /** What a screen reader is told. */
  announcement = $state('');
  readonly stream = new Stream(
    {
      strips: (payload: { items: Strip[] }) => this.#hearStrips(payload),
      sensors: (payload: { items: SensorStatus[] }) => sensors.take(payload),
      notice: (payload: Notice) => sensors.hearNotice(payload),
      detection: (payload: Detection) => this.#hearDetection(payload),
      incident: (payload: Incident) => this.#hearIncident(payload),
      alerts: (payload: IncidentAlerts) => alerts.take(payload),
    },
    () => void this.#loadLists(),
  );
  #startedAt = 0;

  async start(): Promise<void> {
    this.#startedAt = Date.now();
    try {
      this.site = await getSite();
      this.failure = '';
    } catch (error) {
      this.failure = error instanceof Error ? error.message : String(error);
      setTimeout(() => void this.start(), 3000);
      return;
    }
    clock.start();
    sensors.settle(this.site);
    this.stream.open();
    void this.#watchHealth();
    setInterval(() => void this.#watchHealth(), HEALTH_EVERY_MS);
  }

  async #loadLists(): Promise<void> {
    await Promise.allSettled([incidents.load(), rejected.load(), sensors.load(), alerts.load()]);
  }

  async #watchHealth(): Promise<void> {
    try {
      const asked = Date.now();
      this.health = await getHealth();
      clock.compare(this.health.time, asked, Date.now());
    } catch {
      this.health = null; // the connection's own state says that the server is away
    }
  }

  #hearStrips(payload: { items: Strip[] }): void {
    sensors.hearStrips(payload);
    if (this.site?.simulated) clock.follow(sensors.heardUntil);
  }

  #hearDetection(detection: Detection): void {
    sensors.hearDetection(detection);
    rejected.take([detection]);
  }

  #hearIncident(incident: Incident): void {
    const isNew = incidents.hear(incident);
    const isReplay = !incidents.loaded || Date.now() - this.#startedAt < 1500;
    if (!isNew || isReplay) return;
    this.announcement = announcement(incident);
    if (preferences.sound) playCue();
  }
}

export const live = new Live();
