/** Dotted words: `ui.canvas`. */
export const CAPABILITY = {
  maxLength: 64,
  pattern: '^[a-z][A-Za-z0-9_-]*(\\.[a-z][A-Za-z0-9_-]*)*$',
  expected: 'a capability such as ui.canvas, at most 64 characters'
} as const
