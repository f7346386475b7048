/** The one loudspeaker of the page: at most one clip plays. */

import { clipUrl } from './api';
import { clipPeaks } from './peaks';

class Player {
  /** Detection whose clip was chosen last; null before the first. */
  current = $state<string | null>(null);
  playing = $state(false);
  /** 0 to 1 of the clip. */
  progress = $state(0);
  /** Detections whose clip could not be played. */
  failed = $state.raw<ReadonlySet<string>>(new Set());
  #audio: HTMLAudioElement | null = null;
  /** Detection whose clip the element holds: one that is not whole yet is chosen, not loaded. */
  #loaded: string | null = null;

  toggle(detectionId: string): void {
    if (this.current === detectionId && this.playing) this.#element().pause();
    else void this.play(detectionId);
  }

  async play(detectionId: string, from = 0): Promise<void> {
    const audio = this.#element();
    if (this.current !== detectionId) {
      audio.pause();
      this.current = detectionId;
      this.progress = 0;
    }
    try {
      await clipPeaks(detectionId); // it may not be whole yet
      if (this.current !== detectionId) return; // another clip was chosen meanwhile
      if (this.#loaded !== detectionId) {
        this.#loaded = detectionId;
        audio.src = clipUrl(detectionId);
      }
      if (from > 0 && audio.duration) audio.currentTime = from * audio.duration;
      await audio.play();
    } catch (error) {
      if (error instanceof DOMException && error.name === 'AbortError') return; // another clip was chosen meanwhile
      this.failed = new Set([...this.failed, detectionId]);
      this.playing = false;
    }
  }

  #element(): HTMLAudioElement {
    if (this.#audio) return this.#audio;
    const audio = new Audio();
    audio.onplaying = () => {
      this.playing = true;
      this.#follow();
    };
    audio.onpause = () => (this.playing = false);
    audio.onended = () => {
      this.playing = false;
      this.progress = 0;
    };
    this.#audio = audio;
    return audio;
  }

  #follow(): void {
    if (!this.playing || !this.#audio) return;
    if (this.#audio.duration) this.progress = this.#audio.currentTime / this.#audio.duration;
    requestAnimationFrame(() => this.#follow());
  }
}

export const player = new Player();
