/** The map's style: streets below, then ellipses, sensors, incidents. No tile, font or picture is fetched. */

import type { ExpressionSpecification, LayerSpecification, StyleSpecification } from 'maplibre-gl';
import type { Palette } from './palette';

export const SOURCES = ['streets', 'links', 'ellipses', 'sensors', 'incidents'] as const;
const EMPTY: GeoJSON.FeatureCollection = { type: 'FeatureCollection', features: [] };
const NAMES_FROM_ZOOM = 15;
const FONT = ['sans-serif'];

const isMajor: ExpressionSpecification = ['==', ['get', 'kind'], 'major'];
const isSelected: ExpressionSpecification = ['==', ['get', 'selected'], true];
const isOld: ExpressionSpecification = ['==', ['get', 'old'], true];
const isHot: ExpressionSpecification = ['==', ['get', 'hot'], true];
const isAlive: ExpressionSpecification = ['in', ['get', 'state'], ['literal', ['live', 'late']]];

const byZoom = (near: ExpressionSpecification | number, far: ExpressionSpecification | number) =>
  ['interpolate', ['exponential', 1.6], ['zoom'], 12, far, 17, near] as ExpressionSpecification;

const incidentColour = (colours: Palette): ExpressionSpecification => [
  'match',
  ['get', 'reviewed'],
  'dismissed',
  colours.calm,
  'confirmed',
  colours.good,
  colours.alarm,
];

function streets(colours: Palette): LayerSpecification[] {
  const layout = { 'line-cap': 'round', 'line-join': 'round' } as const;
  return [
    {
      id: 'street-casing',
      type: 'line',
      source: 'streets',
      layout,
      paint: { 'line-color': colours.casing, 'line-width': byZoom(['case', isMajor, 17, 9], ['case', isMajor, 3, 1]) },
    },
    {
      id: 'street',
      type: 'line',
      source: 'streets',
      layout,
      paint: {
        'line-color': ['case', isMajor, colours.major, colours.minor],
        'line-width': byZoom(['case', isMajor, 14, 7], ['case', isMajor, 2, 0.6]),
      },
    },
  ];
}

function places(colours: Palette): LayerSpecification[] {
  const colour = incidentColour(colours);
  return [
    {
      id: 'link',
      type: 'line',
      source: 'links',
      paint: { 'line-color': colours.link, 'line-width': 1, 'line-opacity': 0.45, 'line-dasharray': [3, 3] },
    },
    {
      id: 'ellipse',
      type: 'fill',
      source: 'ellipses',
      paint: { 'fill-color': colour, 'fill-opacity': ['case', isSelected, 0.26, isOld, 0.1, 0.18] },
    },
    {
      id: 'ellipse-line',
      type: 'line',
      source: 'ellipses',
      paint: {
        'line-color': colour,
        'line-width': ['case', isSelected, 2, 1],
        'line-opacity': ['case', isSelected, 1, isOld, 0.4, 0.8],
      },
    },
  ];
}

/** A sensor's name with its state in words; of many sensors only those that matter just now, until there is room. */
function sensorName(isMany: boolean): ExpressionSpecification {
  const name: ExpressionSpecification = [
    'case',
    isHot,
    ['concat', '! ', ['get', 'name']],
    ['==', ['get', 'state'], 'live'],
    ['get', 'name'],
    ['concat', ['get', 'name'], ' (', ['get', 'state'], ')'],
  ];
  const few: ExpressionSpecification = ['case', ['any', isHot, ['get', 'heard']], name, ''];
  return ['step', ['zoom'], isMany ? few : name, NAMES_FROM_ZOOM, name];
}

function sensors(colours: Palette, isMany: boolean): LayerSpecification[] {
  return [
    {
      id: 'pulse',
      type: 'circle',
      source: 'sensors',
      filter: isHot,
      paint: {
        'circle-radius': 11,
        'circle-color': colours.alarm,
        'circle-opacity': 0.2,
      },
    },
    {
      id: 'sensor',
      type: 'circle',
      source: 'sensors',
      paint: {
        'circle-radius': ['case', ['any', isHot, ['get', 'heard']], 6, 4.5],
        'circle-color': ['case', isHot, colours.alarm, isAlive, colours.sensor, colours.ground],
        'circle-stroke-color': [
          'case',
          isHot,
          colours.halo,
          ['get', 'heard'],
          colours.alarm,
          isAlive,
          colours.halo,
          colours.sensorWeak,
        ],
        'circle-stroke-width': 2,
      },
    },
    {
      id: 'sensor-name',
      type: 'symbol',
      source: 'sensors',
      layout: {
        'text-field': sensorName(isMany),
        'text-font': FONT,
        'text-size': 11,
        'text-variable-anchor': ['top', 'bottom', 'right', 'left'],
        'text-radial-offset': 0.9,
        'symbol-sort-key': ['case', isHot, 0, ['get', 'heard'], 1, 2],
      },
      paint: {
        'text-color': ['case', isHot, colours.alarm, colours.text],
        'text-halo-color': colours.halo,
        'text-halo-width': 1.6,
      },
    },
  ];
}

function incidents(colours: Palette): LayerSpecification[] {
  const colour = incidentColour(colours);
  return [
    {
      id: 'incident-reach', // what a finger hits
      type: 'circle',
      source: 'incidents',
      paint: { 'circle-radius': 14, 'circle-opacity': 0 },
    },
    {
      id: 'incident-ring',
      type: 'circle',
      source: 'incidents',
      filter: isSelected,
      paint: {
        'circle-radius': 18,
        'circle-opacity': 0,
        'circle-stroke-color': colour,
        'circle-stroke-width': 2.5,
      },
    },
    {
      id: 'incident',
      type: 'circle',
      source: 'incidents',
      paint: {
        'circle-radius': ['case', isSelected, 5, isOld, 3, 3.5], // small, so that a good place's ellipse shows round it
        'circle-opacity': ['case', isSelected, 1, isOld, 0.65, 1],
        'circle-color': ['case', ['==', ['get', 'role'], 'alternative'], colours.ground, colour],
        'circle-stroke-color': ['case', ['==', ['get', 'role'], 'alternative'], colour, '#ffffff'],
        'circle-stroke-width': 1.5,
      },
    },
    {
      id: 'incident-letter',
      type: 'symbol',
      source: 'incidents',
      layout: {
        'text-field': ['get', 'label'],
        'text-font': FONT,
        'text-size': 12,
        'text-offset': [1.3, -1.1],
        'text-allow-overlap': true,
      },
      paint: { 'text-color': colour, 'text-halo-color': colours.halo, 'text-halo-width': 2 },
    },
  ];
}

/** The whole style, its sources empty. */
export function styleOf(colours: Palette, isMany: boolean): StyleSpecification {
  return {
    version: 8,
    sources: Object.fromEntries(SOURCES.map((id) => [id, { type: 'geojson', data: EMPTY }])),
    layers: [
      { id: 'ground', type: 'background', paint: { 'background-color': colours.ground } },
      ...streets(colours),
      ...places(colours),
      ...sensors(colours, isMany),
      ...incidents(colours),
    ],
  };
}
