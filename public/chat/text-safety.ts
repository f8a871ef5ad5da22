/** Control characters, which show nothing, and those that reverse the text behind them. Joiners and marks of scripts stay: texts need them. */
const DECEIVING = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F\u202A-\u202E]/g

/** Prose with control characters and overrides of its direction spelled out. `revealed` spells out more, where a person decides. */
export function readable(text: string): string {
  return text.replace(DECEIVING, (one) => `⟨${one.charCodeAt(0).toString(16)}⟩`)
}

const SCHEMES = new Set(['http:', 'https:', 'mailto:'])

/** The address of a link as the browser will read it; undefined for one that is relative or of another scheme. */
export function safeHref(href: string): string | undefined {
  if (!URL.canParse(href)) return undefined
  const url = new URL(href)
  return SCHEMES.has(url.protocol) ? url.href : undefined
}

/** Entities that people and models write. Others stay as they are written. */
const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: '\u00A0',
  copy: '©',
  reg: '®',
  trade: '™',
  hellip: '…',
  mdash: '—',
  ndash: '–',
  lsquo: '‘',
  rsquo: '’',
  ldquo: '“',
  rdquo: '”',
  laquo: '«',
  raquo: '»',
  bull: '•',
  middot: '·',
  times: '×',
  divide: '÷',
  plusmn: '±',
  deg: '°',
  euro: '€',
  pound: '£',
  yen: '¥',
  cent: '¢',
  sect: '§',
  para: '¶',
  larr: '←',
  rarr: '→',
  uarr: '↑',
  darr: '↓',
  harr: '↔',
  rArr: '⇒',
  le: '≤',
  ge: '≥',
  ne: '≠',
  asymp: '≈',
  infin: '∞',
  micro: 'µ'
}

/** A text with its character references replaced: `&amp;`, `&#38;`, `&#x26;`. */
export function decoded(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(/&(?:#x([\da-f]{1,6})|#(\d{1,7})|([a-z]+));/gi, (whole, hex, decimal, name) => {
    if (name !== undefined) return ENTITIES[name] ?? whole
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)
    const real = code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff)
    return real ? String.fromCodePoint(code) : '\uFFFD'
  })
}
