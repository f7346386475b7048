/** Alerts by incident, and taking an incident on. */

import { getAlerts, postAcknowledgement } from './api';
import { preferences } from './preferences.svelte';
import type { Acknowledgement, Alert, IncidentAlerts } from './types';

const LATEST = 200;

class Alerts {
  #byIncident = $state.raw<ReadonlyMap<string, IncidentAlerts>>(new Map());
  failure = $state('');

  of(incidentId: string): IncidentAlerts | undefined {
    return this.#byIncident.get(incidentId);
  }

  /** All that is told of one incident, from the live stream or an answer. */
  take(told: IncidentAlerts): void {
    this.#byIncident = new Map(this.#byIncident).set(told.incident_id, told);
  }

  /** The latest; a service without alerts has none. */
  async load(): Promise<void> {
    const { items, acknowledged } = await getAlerts(LATEST);
    const byIncident = new Map<string, { items: Alert[]; acknowledged: Acknowledgement[] }>();
    for (const alert of items) {
      const known = byIncident.get(alert.incident_id) ?? { items: [], acknowledged: [] };
      byIncident.set(alert.incident_id, known);
      known.items.unshift(alert); // newest first came, oldest first is kept
    }
    for (const said of acknowledged) byIncident.get(said.incident_id)?.acknowledged.push(said);
    const read = [...byIncident].map(([id, told]) => [id, { incident_id: id, ...told }] as const);
    this.#byIncident = new Map([...this.#byIncident, ...read]);
  }

  async acknowledge(incidentId: string): Promise<void> {
    try {
      this.take(await postAcknowledgement(incidentId, preferences.reviewer));
      this.failure = '';
    } catch (error) {
      this.failure = `Not kept: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
}

export const alerts = new Alerts();
