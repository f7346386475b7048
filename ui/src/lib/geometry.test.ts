import { expect, it } from 'vitest';
import { distance_m, ellipseRing, offset, siteBounds, streetsInDegrees, type LonLat } from './geometry';
import type { Place, Site } from './types';

const HERE: LonLat = [-87.65, 41.88];
const asPlace = ([lon, lat]: LonLat): Place => ({ lat, lon });

it('draws an ellipse whose long axis points where the azimuth says', () => {
  const ring = ellipseRing(HERE, { semi_major_m: 50, semi_minor_m: 10, azimuth_deg: 90, confidence: 0.95 });
  const first = ring[0] as LonLat;
  expect(distance_m(asPlace(HERE), asPlace(first))).toBeCloseTo(50, 1);
  expect(first[0]).toBeGreaterThan(HERE[0]); // east
  expect(first[1]).toBeCloseTo(HERE[1], 9);
  expect(ring.at(-1)).toEqual(first);
});

it('measures what it moved', () => {
  expect(distance_m(asPlace(HERE), asPlace(offset(HERE, 300, -400)))).toBeCloseTo(500, 0);
});

it('draws a local site about zero, a metre as long either way', () => {
  const site: Site = {
    name: 'range',
    kind: 'local',
    simulated: false,
    sensors: [
      { id: 'a', name: 'a', position: { x: 0, y: 0 } },
      { id: 'b', name: 'b', position: { x: 300, y: 400 } },
      { id: 'c', name: 'c', position: null },
    ],
    streets: {
      type: 'FeatureCollection',
      features: [{ type: 'Feature', properties: {}, geometry: { type: 'LineString', coordinates: [[0, 0], [111_320, 0]] } }],
    },
  };
  expect(distance_m({ x: 0, y: 0 }, { x: 300, y: 400 })).toBeCloseTo(500, 3);
  expect(siteBounds(site)?.[1][1]).toBeCloseTo(460 / 111_320, 9);
  expect(streetsInDegrees(site).features[0]?.geometry).toMatchObject({ coordinates: [[0, 0], [1, 0]] });
  expect(siteBounds({ ...site, sensors: [] })).toBeNull();
});
