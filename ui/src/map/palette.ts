/** Colours of the map, light and dark; the page's own, for WebGL cannot read its style sheets. */

export interface Palette {
  ground: string;
  minor: string;
  major: string;
  casing: string;
  text: string;
  halo: string;
  sensor: string;
  sensorWeak: string;
  alarm: string;
  calm: string;
  good: string;
  link: string;
}

export const LIGHT: Palette = {
  ground: '#eceff3',
  minor: '#f9fafc',
  major: '#ffffff',
  casing: '#d5dbe4',
  text: '#465162',
  halo: '#f4f6f9',
  sensor: '#2f64bd',
  sensorWeak: '#6b7686',
  alarm: '#d92d20',
  calm: '#7b8594',
  good: '#14803f',
  link: '#d92d20',
};

export const DARK: Palette = {
  ground: '#0b0f15',
  minor: '#171e28',
  major: '#222b38',
  casing: '#11161e',
  text: '#9fabbc',
  halo: '#0b0f15',
  sensor: '#6aa3f8',
  sensorWeak: '#76828f',
  alarm: '#ff5a4d',
  calm: '#8a95a5',
  good: '#4cc485',
  link: '#ff7a70',
};
