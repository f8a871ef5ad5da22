/** Elements whose content is nothing to read. */
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

/**
 * The text of an HTML page, with the targets of links behind them: `the docs (/docs)`. Good enough to read, not a parser.
 * It looks at each character a fixed number of times: pages are hostile, and a pattern that backtracks stops the gateway.
 */
export function readableText(html: string): string {
  // ASCII letters only: toLowerCase() changes the length of some strings, and positions must agree.
  const lower = html.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
  const out: string[] = []
  let link = ''
  let at = 0
  while (at < html.length) {
    const open = html.indexOf('<', at)
    if (open === -1) {
      out.push(html.slice(at))
      break
    }
    out.push(html.slice(at, open))
    if (html.startsWith('<!--', open)) {
      at = after(html, '-->', open + 4)
      continue
    }
    if (!/[a-z/!?]/.test(lower[open + 1] ?? '')) {
      out.push('&lt;')
      at = open + 1
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
      if (link) out.push(` (${link})`)
      link = ''
    }
  }
  return tidy(decoded(out.join('')))
}

/** The position behind the next `what`; a page that never closes it has nothing more to read. */
function after(text: string, what: string, from: number): number {
  const found = from < 0 ? -1 : text.indexOf(what, from)
  return found === -1 ? text.length : found + what.length
}

/** As written in the page: resolved against its address, a small page could be made to grow a thousandfold. */
function targetOf(tag: string): string {
  const [, double, single, bare] = /\shref\s?=\s?(?:"([^"]*)"|'([^']*)'|([^\s>"']+))/i.exec(tag) ?? []
  const target = (double ?? single ?? bare ?? '').trim()
  return /^(#|javascript:|data:)/i.test(target) ? '' : target
}

function decoded(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,6}));/gi, (entity, decimal, hex, name) => {
    if (name) return ENTITIES.get(name) ?? entity
    const code = decimal ? Number(decimal) : Number.parseInt(hex, 16)
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : ''
  })
}

function tidy(text: string): string {
  const lines = text.split('\n').map((line) => line.replace(/\s+/g, ' ').trim())
  return lines
    .filter((line, index) => line !== '' || lines[index - 1] !== '')
    .join('\n')
    .trim()
}
