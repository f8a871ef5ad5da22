import { setImmediate as turn } from 'node:timers/promises'

/** Elements without readable content. */
const HIDDEN = new Set(['script', 'style', 'noscript', 'template', 'svg', 'iframe', 'object', 'select'])
/** Elements that begin a line of their own. */
const BLOCKS = new Set(
  (
    'address article aside blockquote body br dd details dialog div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 ' +
    'head header hr li main nav ol p pre section summary table title tr ul'
  ).split(' ')
)
const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
  ['nbsp', ' '],
  ['ndash', '–'],
  ['mdash', '—'],
  ['hellip', '…'],
  ['copy', '©'],
  ['euro', '€']
])
/** Tags after which other work has its turn. They take a few milliseconds. */
const TAGS_A_SLICE = 4096
/** Characters that are worked on at once. */
const PIECE = 64 * 1024
/** Longest entity. */
const MAX_ENTITY = 10

/**
 * The text of an HTML page, with the targets of links behind them: `the docs (/docs)`. Good enough to read, not a parser.
 * It reads each character a fixed number of times and yields to other work: pages are hostile, and a pattern that backtracks, or a
 * million tags, would stop the gateway.
 */
export async function readableText(html: string): Promise<string> {
  // Positions must agree, and this is the only letter whose lower case is longer.
  const lower = html.replaceAll('İ', 'i').toLowerCase()
  const out: string[] = []
  let link = ''
  let at = 0
  /** End of the text that is written already. */
  let written = 0
  for (let tags = 0; at < html.length; tags++) {
    if (tags % TAGS_A_SLICE === TAGS_A_SLICE - 1) await turn()
    const open = html.indexOf('<', at)
    if (open === -1) break
    // A lone `<` is text.
    if (!startsTag(html.charCodeAt(open + 1))) {
      at = open + 1
      continue
    }
    if (open > written) out.push(await decoded(html.slice(written, open)))
    if (html.startsWith('<!--', open)) {
      at = written = after(html, '-->', open + 4)
      continue
    }
    at = after(html, '>', open)
    const tag = html.slice(open + 1, at - 1)
    const name = /^\/?[a-z0-9]*/.exec(lower.slice(open + 1, open + 20))?.[0] ?? ''
    const bare = name.replace('/', '')
    if (HIDDEN.has(name)) at = after(lower, '>', lower.indexOf(`</${name}`, at))
    else if (BLOCKS.has(bare)) out.push(name === 'li' ? '\n- ' : '\n')
    else if (bare === 'td' || bare === 'th') out.push(' ')
    else if (name === 'a') link = targetOf(tag)
    else if (name === '/a') {
      if (link) out.push(` (${await decoded(link)})`)
      link = ''
    }
    written = at
  }
  if (written < html.length) out.push(await decoded(html.slice(written)))
  return (await tidy(out.join(''))).trim()
}

/** A letter, `/`, `!` or `?`. */
function startsTag(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 47 || code === 33 || code === 63
}

/** The position behind the next `what`. A page that never closes it has nothing more to read. */
function after(text: string, what: string, from: number): number {
  const found = from < 0 ? -1 : text.indexOf(what, from)
  return found === -1 ? text.length : found + what.length
}

/** As written in the page: resolved against its address, a small page could grow a thousandfold. */
function targetOf(tag: string): string {
  const [, double, single, bare] = /\shref\s?=\s?(?:"([^"]*)"|'([^']*)'|([^\s>"']+))/i.exec(tag) ?? []
  const target = (double ?? single ?? bare ?? '').trim()
  return /^(#|javascript:|data:)/i.test(target) ? '' : target
}

async function decoded(text: string): Promise<string> {
  if (!text.includes('&')) return text
  // No entity is cut in two.
  const beforeEntity = (end: number): number => {
    const start = text.lastIndexOf('&', end)
    return start > end - MAX_ENTITY ? start : end
  }
  return await inPieces(text, beforeEntity, (piece) =>
    piece.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,6}));/gi, replacement)
  )
}

/** Works on a long text piece by piece, with other work in between. `boundary` moves the end of a piece, back or forth. */
async function inPieces(text: string, boundary: (end: number) => number, work: (piece: string) => string): Promise<string> {
  const out: string[] = []
  for (let from = 0; from < text.length; ) {
    const end = from + PIECE < text.length ? boundary(from + PIECE) : text.length
    out.push(work(text.slice(from, end)))
    from = end
    if (from < text.length) await turn()
  }
  return out.join('')
}

function replacement(entity: string, decimal?: string, hex?: string, name?: string): string {
  if (name) return ENTITIES.get(name) ?? entity
  const code = decimal ? Number(decimal) : Number.parseInt(hex!, 16)
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : ''
}

/** One space between words, one empty line between paragraphs. */
async function tidy(text: string): Promise<string> {
  const word = /\S/g
  const nextWord = (end: number): number => {
    word.lastIndex = end
    return word.exec(text)?.index ?? text.length
  }
  return await inPieces(text, nextWord, (piece) => piece.replace(/\s{2,}|[^\S\n ]/g, gap))
}

function gap(space: string): string {
  const first = space.indexOf('\n')
  if (first === -1) return ' '
  return space.indexOf('\n', first + 1) === -1 ? '\n' : '\n\n'
}
