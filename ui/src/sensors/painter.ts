/** Draws every visible strip in one animation loop, all at the same instant of sound. */

import type { Envelope } from '../lib/envelope';
import { STEP_MS } from '../lib/envelope';
import { preferences } from '../lib/preferences.svelte';
import { sensors } from '../lib/sensors.svelte';

const BAR_PX = 1.5;
const PITCH_PX = 2.5;
const BAR_BINS = 4; // bins of sound in one bar
const FRAME_MS = 33;
const DELAY_MS = 1000; // sound comes by the second; drawing a second late lets it flow
const SNAP_MS = 2500;
const LOUDNESS_POWER = 0.6; // quiet sound stays visible beside shots

interface Colours {
  calm: string;
  alarm: string;
  line: string;
}

export interface Canvas {
  element: HTMLCanvasElement;
  envelope: Envelope;
  visible: boolean;
}

const canvases = new Set<Canvas>();
let running = false;
let lastFrame = 0;
let edge_ms = 0;
let newest_ms = 0;
let newestCame = 0;

/** Time of sound at the right edge: follows what came, at the speed of time, without jumps. */
function advance(now: number): void {
  if (sensors.heardUntil !== newest_ms) [newest_ms, newestCame] = [sensors.heardUntil, now];
  if (preferences.reducedMotion) {
    edge_ms = newest_ms;
    return;
  }
  const wanted = newest_ms - DELAY_MS + Math.min(now - newestCame, DELAY_MS);
  edge_ms += now - lastFrame;
  const error = wanted - edge_ms;
  edge_ms = Math.abs(error) > SNAP_MS ? wanted : edge_ms + error * 0.06;
}

function coloursOf(element: HTMLElement): Colours {
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(name);
  return { calm: colour('--strip-colour'), alarm: colour('--alarm-colour'), line: colour('--line-colour') };
}

function fit(element: HTMLCanvasElement): CanvasRenderingContext2D | null {
  const scale = devicePixelRatio;
  const [width, height] = [Math.round(element.clientWidth * scale), Math.round(element.clientHeight * scale)];
  if (element.width !== width || element.height !== height) [element.width, element.height] = [width, height];
  const context = element.getContext('2d');
  context?.setTransform(scale, 0, 0, scale, 0, 0);
  return context;
}

function paint({ element, envelope }: Canvas, colours: Colours): void {
  const context = fit(element);
  if (!context) return;
  const { clientWidth: width, clientHeight: height } = element;
  context.clearRect(0, 0, width, height);
  context.fillStyle = colours.line;
  context.fillRect(0, height / 2 - 0.5, width, 1);
  const calm = new Path2D();
  const alarm = new Path2D();
  const edge = edge_ms / STEP_MS / BAR_BINS;
  const slide = (edge % 1) * PITCH_PX;
  for (let back = 0; back * PITCH_PX < width + PITCH_PX; back++) {
    const { peak, isGunshot } = envelope.loudest((Math.floor(edge) - back) * BAR_BINS, BAR_BINS);
    if (peak < 0) continue;
    const tall = Math.max(1.5, peak ** LOUDNESS_POWER * (height - 2));
    const path = isGunshot ? alarm : calm;
    path.rect(width - back * PITCH_PX - slide, (height - tall) / 2, BAR_PX, tall);
  }
  context.fillStyle = colours.calm;
  context.fill(calm);
  context.fillStyle = colours.alarm;
  context.fill(alarm);
}

function frame(now: number): void {
  running = canvases.size > 0;
  if (running) requestAnimationFrame(frame);
  if (now - lastFrame < FRAME_MS) return;
  advance(now);
  lastFrame = now;
  const visible = [...canvases].filter((canvas) => canvas.visible);
  const first = visible[0];
  if (!first) return;
  const colours = coloursOf(first.element);
  for (const canvas of visible) paint(canvas, colours);
}

/** Keep `element` drawn while it is in view; returns what ends it. */
export function keepDrawn(element: HTMLCanvasElement, envelope: Envelope): () => void {
  const canvas: Canvas = { element, envelope, visible: false };
  const watcher = new IntersectionObserver(([entry]) => (canvas.visible = entry?.isIntersecting ?? false));
  watcher.observe(element);
  canvases.add(canvas);
  if (!running) requestAnimationFrame(frame);
  running = true;
  return () => {
    watcher.disconnect();
    canvases.delete(canvas);
  };
}
