/** What the API sends; see /api/v1/openapi.json. */

export type Place = { lat: number; lon: number; altitude_m?: number } | { x: number; y: number; z?: number };

export interface Ellipse {
  semi_major_m: number;
  semi_minor_m: number;
  azimuth_deg: number;
  confidence: number;
}

export interface Shot {
  time: string;
  position: Place | null;
  ellipse: Ellipse | null;
  residual_ms: number;
  sensors: string[];
  detections: string[];
}

export type Verdict = 'confirmed' | 'dismissed' | 'unsure';
export type Status = 'located' | 'ambiguous' | 'unlocated';
export type Fire = 'single' | 'multiple' | 'possibly_automatic';

export interface Review {
  verdict: Verdict;
  reviewer: string;
  time: string;
  note: string;
}

export interface Incident {
  id: string;
  revision: number;
  status: Status;
  time: string;
  position: Place | null;
  alternative: Place | null;
  ellipse: Ellipse | null;
  rounds: number;
  rounds_interval: [number, number];
  fire: Fire;
  shots: Shot[];
  score: number;
  sensors: string[];
  reason: string;
  review?: Verdict | null;
  reviews?: Review[];
}

export interface Detection {
  id: string;
  sensor_id: string;
  time: string;
  sigma_s: number;
  score: number;
  label: string;
  classes: Record<string, number>;
  snr_db: number;
  model: string;
  clip: string | null;
}

export interface IncidentDetail extends Incident {
  history: Incident[];
  detections: Detection[];
}

export interface SiteSensor {
  id: string;
  name: string;
  position: Place | null;
}

export interface Site {
  name: string;
  kind: 'geographic' | 'local';
  sensors: SiteSensor[];
  streets: GeoJSON.FeatureCollection | null;
  simulated: boolean;
}

export type SensorState = 'live' | 'late' | 'silent' | 'gone';

export interface SensorStatus {
  id: string;
  name?: string;
  state: SensorState;
  last_heard?: string | null;
  level_dbfs?: number | null;
  notices?: Record<string, number>;
  clock?: { offset_s: number; sigma_s: number; shots: number } | null;
}

export interface Strip {
  sensor_id: string;
  time: string;
  step_s: number;
  peaks: number[];
  label: string;
  score: number;
}

export interface Notice {
  sensor_id: string | null;
  time: string;
  kind: string;
  detail: string;
}

export interface Delivery {
  sink: string;
  state: 'queued' | 'delivered' | 'expired' | 'dead' | 'withdrawn';
  attempts: number;
  escalation: boolean;
  due: string;
  changed: string;
  why: string;
}

export interface Alert {
  id: string;
  incident_id: string;
  kind: 'new' | 'update' | 'cancel';
  rule: string;
  time: string;
  text: string;
  deliveries: readonly Delivery[];
}

export interface Acknowledgement {
  incident_id: string;
  by: string;
  time: string;
}

/** All that was told of one incident, oldest first. */
export interface IncidentAlerts {
  incident_id: string;
  items: readonly Alert[];
  acknowledged: readonly Acknowledgement[];
}

export interface Health {
  status: string;
  time: string;
  version?: string;
  lag?: number;
  chunks_total?: number;
  chunks_lost?: number;
}

export const GUNSHOT = 'gunshot';
