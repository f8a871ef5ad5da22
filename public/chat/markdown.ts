import { Lexer, type Token, type Tokens } from 'marked'
import { revealed } from '../ui/format.ts'
import { decoded, readable, safeHref } from './text-safety.ts'

/**
 * Elements that Markdown may become, and no others.
 *
 * `pre` is a block of code: its one child is the text as it was written. `div` is a text that is shown as it was written.
 */
export const TAGS = [
  'p',
  'h3',
  'h4',
  'h5',
  'h6',
  'blockquote',
  'ul',
  'ol',
  'li',
  'hr',
  'table',
  'thead',
  'tbody',
  'tr',
  'th',
  'td',
  'pre',
  'div',
  'strong',
  'em',
  'del',
  'code',
  'br',
  'a'
] as const

/** A text, or an element with its children. */
export type MarkdownNode = string | MarkdownElement

export interface MarkdownElement {
  readonly tag: (typeof TAGS)[number]
  readonly children: readonly MarkdownNode[]
  /** Of `a`: an absolute address of http, https or mailto. */
  readonly href?: string
  /** Of `ol`: its first number. */
  readonly start?: number
  /** Of `li`: it is a task, done or not. */
  readonly done?: boolean
  /** Of `th` and `td`. */
  readonly align?: 'center' | 'left' | 'right'
  /** Of `pre`: the language that its fence names. */
  readonly language?: string
}

/** Quotes and lists inside each other beyond this depth are shown as they were written. */
const MAX_DEPTH = 16
const OPTIONS = { gfm: true, breaks: true } as const

/** Definitions of links in a text, by name. */
export type Links = Readonly<Lexer['tokens']['links']>

/** Blocks of a text, with what the text behind it needs to know. */
export interface ParsedBlocks {
  readonly blocks: readonly MarkdownElement[]
  /** Characters of the text that the blocks took. */
  readonly length: number
  readonly links: Links
  /** Depths of the headings that the next one stands below. */
  readonly levels: readonly number[]
}

/**
 * Blocks of `text`, in which carriage returns were replaced.
 * @param before what stands above it
 * @param all false: without the last block, which the text behind it may change, as a list or a paragraph goes on
 */
export function parseBlocks(text: string, before: Pick<ParsedBlocks, 'links' | 'levels'>, all: boolean): ParsedBlocks {
  const lexer = new Lexer(OPTIONS)
  Object.assign(lexer.tokens.links, before.links)
  let tokens: Token[]
  try {
    tokens = lexer.lex(text)
  } catch {
    // Nested deeper than the stack.
    return { ...before, blocks: all ? [written(text)] : [], length: all ? text.length : 0 }
  }
  if (!all)
    tokens = tokens.slice(
      0,
      Math.max(
        0,
        tokens.findLastIndex(({ type }) => type !== 'space')
      )
    )
  const builder = new Blocks(before.levels)
  const blocks = tokens.flatMap((token) => builder.block(token, 0))
  const length = tokens.reduce((sum, { raw }) => sum + raw.length, 0)
  return { blocks, length, links: { ...lexer.tokens.links }, levels: builder.levels }
}

/** Turns tokens into elements. */
class Blocks {
  /** Depths of the headings that the next one stands below. */
  levels: readonly number[]

  constructor(levels: readonly number[]) {
    this.levels = levels
  }

  block(token: Token, depth: number): MarkdownElement[] {
    if (depth > MAX_DEPTH) return [written(token.raw)]
    switch (token.type) {
      case 'space':
      case 'def':
      case 'checkbox':
        return []
      case 'heading':
        return [element(this.#level((token as Tokens.Heading).depth), inline(token.tokens))]
      case 'paragraph':
      case 'text':
        return [element('p', inline(token.tokens ?? [token]))]
      case 'code': {
        const { text, lang = '' } = token as Tokens.Code
        const [language = ''] = lang.trim().split(/[\s,{:]/, 1)
        return [{ tag: 'pre', children: [text], ...(language && { language: readable(language.slice(0, 32)) }) }]
      }
      case 'blockquote':
        return [
          element(
            'blockquote',
            (token.tokens ?? []).flatMap((inner) => this.block(inner, depth + 1))
          )
        ]
      case 'list':
        return [this.#list(token as Tokens.List, depth)]
      case 'hr':
        return [element('hr', [])]
      case 'table':
        return [table(token as Tokens.Table)]
      default:
        return [written(token.raw.trimEnd())]
    }
  }

  #list({ ordered, start, items, loose }: Tokens.List, depth: number): MarkdownElement {
    const children = items.map(({ tokens, task, checked }): MarkdownElement => {
      const inner = tokens.flatMap((token) =>
        token.type === 'text' && !loose ? inline(token.tokens ?? [token]) : this.block(token, depth + 1)
      )
      return { tag: 'li', children: inner, ...(task && { done: checked === true }) }
    })
    if (!ordered) return element('ul', children)
    return { tag: 'ol', children, ...(typeof start === 'number' && start !== 1 && { start }) }
  }

  /** Headings of a text begin below those of the page and skip no level, whatever depths it uses. */
  #level(depth: number): 'h3' | 'h4' | 'h5' | 'h6' {
    this.levels = [...this.levels.filter((above) => above < depth), depth]
    return (['h3', 'h4', 'h5', 'h6'] as const)[Math.min(this.levels.length, 4) - 1]!
  }
}

function table({ header, rows, align }: Tokens.Table): MarkdownElement {
  const row = (tag: 'th' | 'td', cells: readonly Tokens.TableCell[]): MarkdownElement =>
    element(
      'tr',
      cells.map(({ tokens }, column) => {
        const side = align[column]
        return { tag, children: inline(tokens), ...(side && { align: side }) }
      })
    )
  const body = rows.map((cells) => row('td', cells))
  return element('table', [element('thead', [row('th', header)]), ...(body.length > 0 ? [element('tbody', body)] : [])])
}

/** `inLink`: a link holds no other. */
function inline(tokens: readonly Token[] = [], inLink = false): MarkdownNode[] {
  return tokens.flatMap((token): MarkdownNode[] => {
    switch (token.type) {
      case 'text':
        return token.tokens ? inline(token.tokens, inLink) : [readable(decoded((token as Tokens.Text).text))]
      case 'escape':
        return [readable((token as Tokens.Escape).text)]
      case 'strong':
      case 'em':
      case 'del':
        return [element(token.type, inline(token.tokens, inLink))]
      case 'codespan':
        return [element('code', [revealed((token as Tokens.Codespan).text)])]
      case 'br':
        return [element('br', [])]
      case 'checkbox':
        return []
      case 'link': {
        const href = safeHref((token as Tokens.Link).href)
        if (href === undefined) return [readable(token.raw)]
        const children = inline(token.tokens, true)
        return inLink ? children : [{ tag: 'a', href, children }]
      }
      case 'image': {
        const { href, text } = token as Tokens.Image
        const address = safeHref(href)
        if (address === undefined) return [readable(token.raw)]
        const name = readable(decoded(text)) || address
        return inLink ? [name] : [{ tag: 'a', href: address, children: [`Image: ${name}`] }]
      }
      case 'html':
        // The one piece of HTML that tables of Markdown cannot do without.
        if (/^<br\s*\/?>$/i.test(token.raw)) return [element('br', [])]
        return [revealed(token.raw)]
      default:
        return [revealed(token.raw)]
    }
  })
}

function element(tag: MarkdownElement['tag'], children: readonly MarkdownNode[]): MarkdownElement {
  return { tag, children }
}

/** A text as it was written. */
function written(text: string): MarkdownElement {
  return element('div', [revealed(text)])
}
