/** The HTTP API, one function a question. */

import type { Acknowledgement, Alert, Detection, Health, Incident, IncidentAlerts, IncidentDetail, Review, SensorStatus, Site, Verdict } from './types';

const ROOT = '/api/v1';

/** An answer that is an error, in the server's words. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

async function ask<T>(path: string, init?: RequestInit): Promise<T> {
  const answer = await fetch(ROOT + path, init);
  const body: unknown = await answer.json().catch(() => null);
  if (!answer.ok) {
    const said = (body as { error?: string } | null)?.error;
    throw new ApiError(said ?? `The server answered ${answer.status} to ${path}.`, answer.status);
  }
  return body as T;
}

export const getSite = () => ask<Site>('/site');
export const getSensors = () => ask<{ items: SensorStatus[] }>('/sensors');
export const getHealth = () => ask<Health>('/health');
export const getIncident = (id: string) => ask<IncidentDetail>(`/incidents/${encodeURIComponent(id)}`);
export const getRejected = (limit: number) => ask<{ items: Detection[] }>(`/detections?rejected=true&limit=${limit}`);

/** One page of incidents, newest first; `before` is `next` of the page before. */
export function getIncidents(limit: number, before?: string): Promise<{ items: Incident[]; next: string | null }> {
  const more = before ? `&before=${encodeURIComponent(before)}` : '';
  return ask(`/incidents?limit=${limit}${more}`);
}

export interface Reviewed {
  review: Verdict | null;
  reviews: Review[];
}

export function postReview(id: string, verdict: Verdict, reviewer: string, note: string): Promise<Reviewed> {
  return ask(`/incidents/${encodeURIComponent(id)}/review`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ verdict, reviewer, note }),
  });
}

export const getAlerts = (limit: number) =>
  ask<{ items: Alert[]; acknowledged: Acknowledgement[] }>(`/alerts?limit=${limit}`);

export function postAcknowledgement(id: string, by: string): Promise<IncidentAlerts> {
  return ask(`/incidents/${encodeURIComponent(id)}/acknowledge`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ by }),
  });
}

/** Where the sound of a detection is fetched. */
export const clipUrl = (detectionId: string) => `${ROOT}/detections/${encodeURIComponent(detectionId)}/clip`;

/** Where the live stream is read from event number `since` on; a negative number asks for the latest. */
export const eventsUrl = (since: number) => `${ROOT}/events?since=${since}`;
