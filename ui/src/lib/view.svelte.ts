/** What of the Live page is open. */

import { MediaQuery } from 'svelte/reactivity';
import { incidents } from './incidents.svelte';
import { router } from './router.svelte';

export type Tab = 'incidents' | 'sensors' | 'rejected';

class View {
  #narrow = new MediaQuery('max-width: 859px');
  /** On narrow screens one of three is shown; on wide ones the sensors always are. */
  tab = $state<Tab>('incidents');
  /** Whether the selected incident's details are open. */
  detailOpen = $state(false);
  /** Counts requests to fit the map to the site. */
  fits = $state(0);

  /** Whether the screen is a phone's, or a window as narrow. */
  get narrow(): boolean {
    return this.#narrow.current;
  }

  /** Open the details of `id`, or of what is selected. */
  open(id: string | null = incidents.selectedId): void {
    if (!id) return;
    incidents.select(id);
    this.detailOpen = true;
    router.go('live', id);
  }

  close(): void {
    if (this.detailOpen) {
      this.detailOpen = false;
      router.go('live');
    } else {
      incidents.select(null);
    }
  }

  fit(): void {
    this.fits += 1;
  }
}

export const view = new View();
