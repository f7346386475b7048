/** What the map shows, as GeoJSON in degrees; drawn by WebGL or, without it, as SVG. */

import { toMs } from '../lib/format';
import { ellipseRing, toLonLat, type LonLat } from '../lib/geometry';
import type { SensorView } from '../lib/sensors.svelte';
import { HOT_MS } from '../lib/sensors.svelte';
import type { Incident } from '../lib/types';

export type Features<G extends GeoJSON.Geometry, P> = GeoJSON.FeatureCollection<G, P>;

export interface SensorMark {
  id: string;
  name: string;
  state: string;
  hot: boolean;
  heard: boolean;
}

export interface IncidentMark {
  id: string;
  selected: boolean;
  reviewed: string;
  role: 'place' | 'alternative';
  label: string;
  old: boolean;
}

export interface Scene {
  sensors: Features<GeoJSON.Point, SensorMark>;
  incidents: Features<GeoJSON.Point, IncidentMark>;
  ellipses: Features<GeoJSON.Polygon, IncidentMark>;
  links: Features<GeoJSON.LineString, Record<string, never>>;
}

const OLD_MS = 600_000;
const SHOWN_MAX = 40; // of the newest incidents; older ones would hide them

interface View {
  selectedId: string | null;
  now_ms: number;
}

const collection = <G extends GeoJSON.Geometry, P>(features: GeoJSON.Feature<G, P>[]): Features<G, P> => ({
  type: 'FeatureCollection',
  features,
});

const point = <P>(at: LonLat, properties: P): GeoJSON.Feature<GeoJSON.Point, P> => ({
  type: 'Feature',
  properties,
  geometry: { type: 'Point', coordinates: at },
});

function marksOf(incident: Incident, view: View): GeoJSON.Feature<GeoJSON.Point, IncidentMark>[] {
  const mark = {
    id: incident.id,
    selected: incident.id === view.selectedId,
    reviewed: incident.review ?? '',
    old: view.now_ms - toMs(incident.time) > OLD_MS,
  };
  const isAmbiguous = incident.alternative !== null;
  const places = [
    incident.position && point(toLonLat(incident.position), { ...mark, role: 'place', label: isAmbiguous ? 'A' : '' }),
    incident.alternative && point(toLonLat(incident.alternative), { ...mark, role: 'alternative', label: 'B' }),
  ] as (GeoJSON.Feature<GeoJSON.Point, IncidentMark> | null)[];
  return places.filter((place) => place !== null);
}

function ellipsesOf(incident: Incident, view: View): GeoJSON.Feature<GeoJSON.Polygon, IncidentMark>[] {
  const ellipse = incident.ellipse;
  if (!ellipse) return [];
  return marksOf(incident, view).map((mark) => ({
    type: 'Feature',
    properties: mark.properties,
    geometry: { type: 'Polygon', coordinates: [ellipseRing(mark.geometry.coordinates as LonLat, ellipse)] },
  }));
}

/** The scene of these sensors and incidents at `now_ms`. */
export function sceneOf(
  sensors: readonly SensorView[],
  incidents: readonly Incident[],
  selected: Incident | null,
  now_ms: number,
): Scene {
  const shown = incidents.filter((incident, index) => incident.position && (index < SHOWN_MAX || incident === selected));
  const painted = [...shown].reverse().sort((a, b) => Number(a === selected) - Number(b === selected));
  const view = { selectedId: selected?.id ?? null, now_ms };
  const heard = new Set(selected?.sensors);
  const placed = sensors.filter((sensor) => sensor.position !== null);
  return {
    sensors: collection(
      placed.map((sensor) =>
        point(sensor.position ? toLonLat(sensor.position) : [0, 0], {
          id: sensor.id,
          name: sensor.name,
          state: sensor.state,
          hot: now_ms - sensor.shotAt < HOT_MS,
          heard: heard.has(sensor.id),
        }),
      ),
    ),
    incidents: collection(painted.flatMap((incident) => marksOf(incident, view))),
    ellipses: collection(painted.flatMap((incident) => ellipsesOf(incident, view))),
    links: collection(linksOf(selected, placed)),
  };
}

function linksOf(
  selected: Incident | null,
  sensors: readonly SensorView[],
): GeoJSON.Feature<GeoJSON.LineString, Record<string, never>>[] {
  const place = selected?.position;
  if (!place) return [];
  return sensors
    .filter((sensor) => sensor.position && selected.sensors.includes(sensor.id))
    .map((sensor) => ({
      type: 'Feature',
      properties: {},
      geometry: {
        type: 'LineString',
        coordinates: [toLonLat(place), sensor.position ? toLonLat(sensor.position) : toLonLat(place)],
      },
    }));
}
