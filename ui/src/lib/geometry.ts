/** Places on the map. A local site is drawn about latitude 0, longitude 0, where a degree is as long either way. */

import type { Ellipse, Place, Site } from './types';

export type LonLat = [number, number];
export type Bounds = [LonLat, LonLat];

const METRES_PER_DEGREE = 111_320;
const ELLIPSE_CORNERS = 64;

export function toLonLat(place: Place): LonLat {
  return 'lat' in place ? [place.lon, place.lat] : [place.x / METRES_PER_DEGREE, place.y / METRES_PER_DEGREE];
}

/** The point `east_m`, `north_m` away from `from`; good to a site's size. */
export function offset([lon, lat]: LonLat, east_m: number, north_m: number): LonLat {
  const shrink = Math.cos((lat * Math.PI) / 180);
  return [lon + east_m / (METRES_PER_DEGREE * shrink), lat + north_m / METRES_PER_DEGREE];
}

/** Metres between two points of a site. */
export function distance_m(a: Place, b: Place): number {
  const [lonA, latA] = toLonLat(a);
  const [lonB, latB] = toLonLat(b);
  const shrink = Math.cos((latA * Math.PI) / 180);
  return Math.hypot((lonB - lonA) * METRES_PER_DEGREE * shrink, (latB - latA) * METRES_PER_DEGREE);
}

/** The ellipse's outline as a closed ring; its major axis is clockwise from north. */
export function ellipseRing(center: LonLat, ellipse: Ellipse): LonLat[] {
  const azimuth = (ellipse.azimuth_deg * Math.PI) / 180;
  const ring: LonLat[] = [];
  for (let corner = 0; corner <= ELLIPSE_CORNERS; corner++) {
    const angle = ((corner % ELLIPSE_CORNERS) / ELLIPSE_CORNERS) * 2 * Math.PI;
    const along = ellipse.semi_major_m * Math.cos(angle);
    const across = ellipse.semi_minor_m * Math.sin(angle);
    ring.push(
      offset(
        center,
        along * Math.sin(azimuth) + across * Math.cos(azimuth),
        along * Math.cos(azimuth) - across * Math.sin(azimuth),
      ),
    );
  }
  return ring;
}

/** South-west and north-east corners of the site's sensors, a little wider. */
export function siteBounds(site: Site): Bounds | null {
  const points = site.sensors.flatMap((sensor) => (sensor.position ? [toLonLat(sensor.position)] : []));
  const first = points[0];
  if (!first) return null;
  let [west, south] = first;
  let [east, north] = first;
  for (const [lon, lat] of points) {
    west = Math.min(west, lon);
    east = Math.max(east, lon);
    south = Math.min(south, lat);
    north = Math.max(north, lat);
  }
  return [offset([west, south], -MARGIN_M, -MARGIN_M), offset([east, north], MARGIN_M, MARGIN_M)];
}

const MARGIN_M = 60;

type Coordinates = number | Coordinates[];

/** Streets as GeoJSON in degrees, whatever the site's frame is. */
export function streetsInDegrees(site: Site): GeoJSON.FeatureCollection {
  const streets = site.streets ?? { type: 'FeatureCollection', features: [] };
  if (site.kind === 'geographic') return streets;
  const scaled = (value: Coordinates): Coordinates =>
    Array.isArray(value) ? value.map(scaled) : value / METRES_PER_DEGREE;
  return {
    type: 'FeatureCollection',
    features: streets.features.map((feature) => ({
      ...feature,
      geometry: {
        ...feature.geometry,
        coordinates: scaled((feature.geometry as { coordinates: Coordinates }).coordinates),
      } as GeoJSON.Geometry,
    })),
  };
}
