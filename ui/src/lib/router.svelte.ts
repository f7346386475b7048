/** Where the reader is: `#/live`, `#/live/INCIDENT`. The address of an incident can be sent to others. */

class Router {
  #hash = $state(location.hash);
  #parts = $derived(this.#hash.replace(/^#\/?/, '').split('/').map(decodeURIComponent));
  page = $derived(this.#parts[0] || 'live');
  /** What the page is about: an incident's id; empty: nothing. */
  subject = $derived(this.#parts[1] ?? '');

  constructor() {
    addEventListener('hashchange', () => (this.#hash = location.hash));
  }

  go(page: string, subject = ''): void {
    const hash = `#/${page}${subject ? `/${encodeURIComponent(subject)}` : ''}`;
    if (hash === location.hash) return;
    history.replaceState(null, '', hash);
    this.#hash = hash;
  }
}

export const router = new Router();
