/** What this reader chose, kept in this browser alone. */

export type Theme = 'system' | 'light' | 'dark';
const NEXT: Record<Theme, Theme> = { system: 'light', light: 'dark', dark: 'system' };
const PREFIX = 'dhishoom.';

function kept(name: string): string | null {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null; // storage is forbidden: the choice lasts until the page is closed
  }
}

function keep(name: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // as above
  }
}

class Preferences {
  theme = $state<Theme>((kept('theme') as Theme | null) ?? 'system');
  sound = $state(kept('sound') === 'on');
  reviewer = $state(kept('reviewer') ?? '');
  #systemDark = $state(matchMedia('(prefers-color-scheme: dark)').matches);
  /** Whether dark colours are shown now. */
  dark = $derived(this.theme === 'system' ? this.#systemDark : this.theme === 'dark');
  reducedMotion = $state(matchMedia('(prefers-reduced-motion: reduce)').matches);

  constructor() {
    matchMedia('(prefers-color-scheme: dark)').onchange = (event) => (this.#systemDark = event.matches);
    matchMedia('(prefers-reduced-motion: reduce)').onchange = (event) => (this.reducedMotion = event.matches);
    this.#show();
  }

  nextTheme(): void {
    this.theme = NEXT[this.theme];
    keep('theme', this.theme);
    this.#show();
  }

  toggleSound(): void {
    this.sound = !this.sound;
    keep('sound', this.sound ? 'on' : 'off');
  }

  nameReviewer(name: string): void {
    this.reviewer = name;
    keep('reviewer', name);
  }

  #show(): void {
    const root = document.documentElement;
    if (this.theme === 'system') delete root.dataset['theme'];
    else root.dataset['theme'] = this.theme;
  }
}

export const preferences = new Preferences();
