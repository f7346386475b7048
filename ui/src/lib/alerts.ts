/** What became of an incident's alerts, in a few words. */

import type { Alert, Delivery, IncidentAlerts } from './types';

export type AlertState = 'waiting' | 'told' | 'failed' | 'withdrawn';

/** How a delivery stands, for people. */
export const DELIVERY: Record<Delivery['state'], string> = {
  queued: 'waiting',
  delivered: 'delivered',
  expired: 'expired',
  dead: 'failed',
  withdrawn: 'not needed',
};

export const ALERT_KIND: Record<Alert['kind'], string> = { new: 'Alert', update: 'Update', cancel: 'Cancellation' };

const failed = (delivery: Delivery) => delivery.state === 'dead' || delivery.state === 'expired';

/** Every delivery that is or was to be made now; what only waits to escalate apart. */
export function deliveriesOf(told: IncidentAlerts): Delivery[] {
  const all = told.items.flatMap((alert) => alert.deliveries);
  return all.filter((delivery) => !(delivery.escalation && delivery.state === 'queued' && !delivery.attempts));
}

/** The worst that can be said of them; null where nobody is told of the incident. */
export function alertState(told: IncidentAlerts | undefined): AlertState | null {
  const all = told ? deliveriesOf(told) : [];
  if (!all.length) return null;
  if (all.some(failed)) return 'failed';
  if (all.some((delivery) => delivery.state === 'queued')) return 'waiting';
  return all.some((delivery) => delivery.state === 'delivered') ? 'told' : 'withdrawn';
}

/** Names of sinks, each once, in the order they were told. */
function sinks(deliveries: readonly Delivery[]): string {
  return [...new Set(deliveries.map((delivery) => delivery.sink))].join(', ');
}

/** One line for a card. */
export function alertWords(told: IncidentAlerts): string {
  const all = deliveriesOf(told);
  const delivered = all.filter((delivery) => delivery.state === 'delivered');
  switch (alertState(told)) {
    case 'failed':
      return `Alert failed: ${sinks(all.filter(failed))}`;
    case 'waiting':
      return `Alerting ${sinks(all.filter((delivery) => delivery.state === 'queued'))}`;
    case 'told':
      return `Told ${sinks(delivered)}`;
    default:
      return 'Alert withdrawn';
  }
}

/** Whether an alert waits for somebody to take it on before it goes further. */
export const willEscalate = (told: IncidentAlerts) =>
  told.items.some((alert) => alert.deliveries.some((one) => one.escalation && one.state === 'queued'));
