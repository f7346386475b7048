/** MapLibre behind the few words the page needs. Loaded after the page, for it is larger than all the rest. */

import * as maplibregl from 'maplibre-gl';
import 'maplibre-gl/dist/maplibre-gl.css';
import './marks.css';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?url';
import { offset, toLonLat, type Bounds, type LonLat } from '../lib/geometry';
import type { Place } from '../lib/types';
import { SOURCES, styleOf } from './layers';
import { DARK, LIGHT } from './palette';
import type { Scene } from './scene';

maplibregl.setWorkerUrl(workerUrl);

const SOUND_M_S = 343;
const WAVE_S = 3;
const EDGE_PX = 70;

/** Room left around what is fitted: names of sensors stand there. */
const edgeOf = (container: HTMLElement) => Math.min(EDGE_PX, container.clientWidth * 0.09);

type Data = Partial<Record<(typeof SOURCES)[number], GeoJSON.FeatureCollection>>;

export class GlMap {
  #map: maplibregl.Map;
  #data: Data = {};
  #drawn = new Map<string, string>();
  #dark: boolean;
  #pulses = new Map<string, maplibregl.Marker>();

  constructor(
    container: HTMLElement,
    dark: boolean,
    readonly bounds: Bounds,
    readonly isMany: boolean,
    onpick: (incidentId: string) => void,
  ) {
    this.#dark = dark;
    this.#map = new maplibregl.Map({
      container,
      style: styleOf(dark ? DARK : LIGHT, isMany),
      bounds,
      fitBoundsOptions: { padding: edgeOf(container) },
      attributionControl: false,
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      maxZoom: 20,
      canvasContextAttributes: { preserveDrawingBuffer: true },
    });
    this.#map.touchZoomRotate.disableRotation();
    this.#map.addControl(new maplibregl.ScaleControl({ maxWidth: 110 }), 'bottom-left');
    this.#map.on('style.load', () => this.#showAll());
    this.#map.once('load', () => (container.dataset['drawn'] = 'true'));
    this.#map.on('click', 'incident-reach', (event) => {
      const id: unknown = event.features?.[0]?.properties['id'];
      if (typeof id === 'string') onpick(id);
    });
    this.#map.on('mouseenter', 'incident-reach', () => (this.#map.getCanvas().style.cursor = 'pointer'));
    this.#map.on('mouseleave', 'incident-reach', () => (this.#map.getCanvas().style.cursor = ''));
  }

  setDark(dark: boolean): void {
    if (dark === this.#dark) return;
    this.#dark = dark;
    this.#map.setStyle(styleOf(dark ? DARK : LIGHT, this.isMany), { diff: false });
  }

  setStreets(streets: GeoJSON.FeatureCollection): void {
    this.#show({ streets });
  }

  setScene(scene: Scene): void {
    this.#show({ ...scene });
    const hot = scene.sensors.features.filter((sensor) => sensor.properties.hot);
    const ids = new Set(hot.map((sensor) => sensor.properties.id));
    for (const [id, marker] of this.#pulses) if (!ids.has(id)) this.#pulses.delete(id) && marker.remove();
    for (const { properties, geometry } of hot) {
      if (!this.#pulses.has(properties.id))
        this.#pulses.set(properties.id, this.#mark('map-pulse', geometry.coordinates as LonLat));
    }
  }

  /** Let a wave front run out from a place, as fast as sound does. */
  runWave(place: Place): void {
    const at = toLonLat(place);
    const reach = this.#map.project(offset(at, SOUND_M_S * WAVE_S, 0)).x - this.#map.project(at).x;
    const marker = this.#mark('map-wave', at);
    const ring = marker.getElement();
    ring.style.setProperty('--across', `${2 * reach}px`);
    ring.addEventListener('animationend', () => marker.remove());
  }

  /** A moving mark in the page, not in the map: the map need not be drawn again for it. */
  #mark(className: string, at: LonLat): maplibregl.Marker {
    const element = document.createElement('div');
    element.className = className;
    element.ariaHidden = 'true';
    element.append(document.createElement('i'));
    return new maplibregl.Marker({ element }).setLngLat(at).addTo(this.#map);
  }

  fit(): void {
    this.#map.fitBounds(this.bounds, { padding: this.#edge(), duration: 300 });
  }

  /** Show these places, and so far about them. */
  frame(places: readonly Place[], reach_m: number): void {
    this.#map.resize(); // the details may just have taken their room
    const bounds = new maplibregl.LngLatBounds();
    for (const place of places) {
      bounds.extend(offset(toLonLat(place), -reach_m, -reach_m)).extend(offset(toLonLat(place), reach_m, reach_m));
    }
    this.#map.fitBounds(bounds, { maxZoom: 18, duration: 400 });
  }

  #edge(): number {
    return edgeOf(this.#map.getContainer());
  }

  zoom(step: number): void {
    this.#map.zoomTo(this.#map.getZoom() + step, { duration: 200 });
  }

  /** Bring a place into view, unless it is. */
  reveal(place: Place): void {
    const at = toLonLat(place);
    const { x, y } = this.#map.project(at);
    const { clientWidth, clientHeight } = this.#map.getContainer();
    const seen = x > EDGE_PX && x < clientWidth - EDGE_PX && y > EDGE_PX && y < clientHeight - EDGE_PX;
    if (!seen) this.#map.easeTo({ center: at, duration: 350 });
  }

  remove(): void {
    this.#map.remove();
  }

  /** Hand over what has changed; drawing again what has not would only warm the phone. */
  #show(data: Data): void {
    Object.assign(this.#data, data);
    for (const [id, value] of Object.entries(data)) {
      const text = JSON.stringify(value);
      const source = this.#map.getSource<maplibregl.GeoJSONSource>(id);
      if (!source || this.#drawn.get(id) === text) continue;
      this.#drawn.set(id, text);
      source.setData(value);
    }
  }

  #showAll(): void {
    this.#drawn.clear();
    this.#show(this.#data);
  }
}
