/** Keys for hands that stay on the keyboard. */

export const KEYS: readonly (readonly [keys: string, meaning: string])[] = [
  ['J', 'Next incident'],
  ['K', 'Previous incident'],
  ['Enter', 'Open the incident'],
  ['Space', 'Play or pause its sound'],
  ['Y', 'Confirm: it was gunfire'],
  ['N', 'Dismiss: it was not'],
  ['U', 'Undo the last verdict'],
  ['F', 'Fit the map to the site'],
  ['Esc', 'Close'],
  ['?', 'This help'],
];

/** Whether a key pressed there belongs to the element itself. */
export function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest('input, textarea, select, [contenteditable]') !== null;
}

/** Whether Space or Enter would press what has the focus. */
export function isPressable(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest('button, a, summary') !== null;
}
