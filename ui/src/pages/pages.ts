/** The pages of the product, in the order of the navigation. */

import type { Component } from 'svelte';
import LivePage from './LivePage.svelte';

export interface Page {
  path: string;
  title: string;
  component: Component;
}

export const pages: readonly Page[] = [{ path: 'live', title: 'Live', component: LivePage }];
