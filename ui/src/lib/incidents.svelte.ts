/** Incidents by id, each in its latest revision, and what people say of them. */

import { getIncidents, postReview, type Reviewed } from './api';
import { toMs } from './format';
import { preferences } from './preferences.svelte';
import type { Incident, Verdict } from './types';

const PAGE = 50;
/** Note of a review that restores what was said before. */
export const TAKEN_BACK = 'Taken back';
const UNDO_MS = 10_000;

export interface Undo {
  incident: Incident;
  verdict: Verdict;
  before: Verdict | null;
}

export class Incidents {
  #byId = $state.raw<ReadonlyMap<string, Incident>>(new Map());
  /** Newest first. */
  list = $derived([...this.#byId.values()].sort((a, b) => toMs(b.time) - toMs(a.time) || (a.id < b.id ? 1 : -1)));
  selectedId = $state<string | null>(null);
  selected = $derived(this.selectedId ? (this.#byId.get(this.selectedId) ?? null) : null);
  unreviewed = $derived(this.list.filter((incident) => !isReviewed(incident)).length);
  /** Ids that came by the live stream while the page was open. */
  fresh = $state.raw<ReadonlySet<string>>(new Set());
  loaded = $state(false);
  failure = $state('');
  next = $state<string | null>(null);
  undo = $state.raw<Undo | null>(null);
  /** Verdicts are sent one after the other, so that the last said is the last kept. */
  #posting: Promise<void> = Promise.resolve();
  #forgetUndo: ReturnType<typeof setTimeout> | undefined;

  /** Take incidents in; a lower revision never replaces a higher one, reviews are kept where none came along. */
  take(incidents: readonly Incident[]): Incident[] {
    const byId = new Map(this.#byId);
    const added: Incident[] = [];
    for (const incident of incidents) {
      const known = byId.get(incident.id);
      if (known && known.revision > incident.revision) continue;
      if (!known) added.push(incident);
      byId.set(incident.id, {
        ...incident,
        review: incident.review !== undefined ? incident.review : (known?.review ?? null),
        reviews: incident.reviews ?? known?.reviews ?? [],
      });
    }
    this.#byId = byId;
    return added;
  }

  /** One incident from the live stream; returns whether it is new. */
  hear(incident: Incident): boolean {
    const isNew = this.take([incident]).length > 0;
    if (isNew) this.fresh = new Set([...this.fresh, incident.id]);
    return isNew;
  }

  async load(): Promise<void> {
    await this.#read(undefined);
  }

  async loadOlder(): Promise<void> {
    if (this.next) await this.#read(this.next);
  }

  async #read(before: string | undefined): Promise<void> {
    try {
      const page = await getIncidents(PAGE, before);
      this.take(page.items);
      if (before || !this.loaded) this.next = page.next;
      this.failure = '';
    } catch (error) {
      this.failure = error instanceof Error ? error.message : String(error);
    }
    this.loaded = true;
  }

  select(id: string | null): void {
    this.selectedId = id;
  }

  /** Select the one `step` places further down the list, or the first. */
  step(step: number): void {
    const at = this.list.findIndex((incident) => incident.id === this.selectedId);
    const to = at < 0 ? 0 : Math.min(Math.max(at + step, 0), this.list.length - 1);
    this.selectedId = this.list[to]?.id ?? null;
  }

  /** Say what it was; shown at once, taken back if the server refuses. */
  review(incident: Incident, verdict: Verdict, note = ''): Promise<void> {
    const before: Reviewed = { review: incident.review ?? null, reviews: incident.reviews ?? [] };
    this.#set(incident.id, { ...before, review: verdict });
    if (!note) this.#offerUndo({ incident, verdict, before: before.review });
    this.#posting = this.#posting.then(() => this.#post(incident.id, verdict, note, before));
    return this.#posting;
  }

  async #post(id: string, verdict: Verdict, note: string, before: Reviewed): Promise<void> {
    try {
      this.#set(id, await postReview(id, verdict, preferences.reviewer, note));
      this.failure = '';
    } catch (error) {
      this.#set(id, before);
      this.undo = null;
      this.failure = `The verdict was not kept: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  /** Take the last verdict back. It stays in the history: a further review restores what was said before. */
  async takeBack(): Promise<void> {
    const undo = this.undo;
    if (!undo) return;
    this.undo = null;
    const now = this.#byId.get(undo.incident.id) ?? undo.incident;
    await this.review(now, undo.before ?? 'unsure', TAKEN_BACK);
  }

  #offerUndo(undo: Undo): void {
    clearTimeout(this.#forgetUndo);
    this.undo = undo;
    this.#forgetUndo = setTimeout(() => (this.undo = null), UNDO_MS);
  }

  #set(id: string, reviewed: Reviewed): void {
    const known = this.#byId.get(id);
    if (known) this.#byId = new Map(this.#byId).set(id, { ...known, ...reviewed });
  }
}

/** Whether somebody said what it was. */
export const isReviewed = (incident: Incident) => incident.review === 'confirmed' || incident.review === 'dismissed';

export const incidents = new Incidents();
