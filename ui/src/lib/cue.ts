/** The sound of a new incident: two short notes, off unless asked for. */

let context: AudioContext | null = null;

export function playCue(): void {
  context ??= new AudioContext();
  for (const [delay_s, frequency] of [
    [0, 880],
    [0.16, 1175],
  ] as const) {
    const at = context.currentTime + delay_s;
    const tone = new OscillatorNode(context, { frequency });
    const loudness = new GainNode(context, { gain: 0 });
    loudness.gain.setValueAtTime(0, at);
    loudness.gain.linearRampToValueAtTime(0.16, at + 0.015);
    loudness.gain.exponentialRampToValueAtTime(0.001, at + 0.32);
    tone.connect(loudness).connect(context.destination);
    tone.start(at);
    tone.stop(at + 0.35);
  }
}
