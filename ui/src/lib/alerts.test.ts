import { expect, test } from 'vitest';
import { alertState, alertWords, willEscalate } from './alerts';
import type { Delivery, IncidentAlerts } from './types';

function delivery(sink: string, state: Delivery['state'], more: Partial<Delivery> = {}): Delivery {
  return { sink, state, attempts: 1, escalation: false, due: '', changed: '', why: '', ...more };
}

function told(...deliveries: Delivery[]): IncidentAlerts {
  const alert = { id: 'a', incident_id: 'i', kind: 'new', time: '', text: '', rule: 'r', deliveries } as const;
  return { incident_id: 'i', items: [alert], acknowledged: [] };
}

test('the worst is said first', () => {
  expect(alertWords(told(delivery('desk', 'delivered'), delivery('pager', 'dead')))).toBe('Alert failed: pager');
  expect(alertWords(told(delivery('desk', 'delivered'), delivery('pager', 'queued')))).toBe('Alerting pager');
  expect(alertWords(told(delivery('desk', 'delivered'), delivery('desk', 'delivered')))).toBe('Told desk');
  expect(alertWords(told(delivery('desk', 'withdrawn')))).toBe('Alert withdrawn');
});

test('what only waits to escalate is no delivery yet', () => {
  const waiting = told(delivery('desk', 'delivered'), delivery('chief', 'queued', { escalation: true, attempts: 0 }));
  expect(alertWords(waiting)).toBe('Told desk');
  expect(willEscalate(waiting)).toBe(true);
  expect(willEscalate(told(delivery('desk', 'delivered')))).toBe(false);
});

test('an incident that nobody is told of has no state', () => {
  expect(alertState(undefined)).toBeNull();
  expect(alertState(told())).toBeNull();
});
