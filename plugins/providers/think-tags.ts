import type { ModelPart } from './define.ts'

const OPEN = '<think>'
const CLOSE = '</think>'
const FENCE = '```'

type Piece = Extract<ModelPart, { type: 'text' | 'reasoning' }>

/**
 * Splits the text of a model that writes its reasoning between `<think>` and `</think>`. The opening tag counts at the beginning of a line
 * and outside of fenced code, so that an answer about the tag stays an answer. Tags may be cut anywhere by the stream: what could
 * become one is held back. White space after the closing tag belongs to neither.
 */
export class ThinkTags {
  /** Text that may be the beginning of a tag or of a fence. */
  #held = ''
  #in: 'text' | 'reasoning' = 'text'
  /** Nothing but white space was read of the current line. */
  #atLineStart = true
  #fenced = false
  /** White space is dropped until something else comes. */
  #trims = false

  /** Pieces that are certain by now. */
  push(text: string): Piece[] {
    // Nothing to look for: most models never write a tag.
    if (this.#in === 'text' && this.#held === '' && !this.#atLineStart && !this.#trims && !text.includes('\n'))
      return [piece('text', text)]
    const pieces: Piece[] = []
    let rest = this.#held + text
    this.#held = ''
    while (rest !== '') rest = this.#in === 'text' ? this.#text(rest, pieces) : this.#reasoning(rest, pieces)
    return joined(pieces)
  }

  /** The pieces that were held back. */
  end(): Piece[] {
    const rest = this.#held
    this.#held = ''
    return rest === '' ? [] : [piece(this.#in, rest)]
  }

  #text(text: string, pieces: Piece[]): string {
    if (this.#trims) {
      const kept = text.trimStart()
      this.#trims = kept === ''
      return kept
    }
    if (!this.#atLineStart) {
      const end = text.indexOf('\n')
      pieces.push(piece('text', end === -1 ? text : text.slice(0, end + 1)))
      this.#atLineStart = end !== -1
      return end === -1 ? '' : text.slice(end + 1)
    }
    const begun = text.trimStart()
    if (begun.startsWith(OPEN) && !this.#fenced) {
      this.#in = 'reasoning'
      return begun.slice(OPEN.length)
    }
    if (begun === '' || (OPEN.startsWith(begun) && !this.#fenced) || (FENCE.startsWith(begun) && begun !== FENCE)) {
      this.#held = text
      return ''
    }
    if (begun.startsWith(FENCE)) this.#fenced = !this.#fenced
    this.#atLineStart = false
    return text
  }

  #reasoning(text: string, pieces: Piece[]): string {
    const end = text.indexOf(CLOSE)
    if (end !== -1) {
      if (end > 0) pieces.push(piece('reasoning', text.slice(0, end)))
      this.#in = 'text'
      this.#trims = true
      return text.slice(end + CLOSE.length)
    }
    const certain = text.length - overlap(text, CLOSE)
    if (certain > 0) pieces.push(piece('reasoning', text.slice(0, certain)))
    this.#held = text.slice(certain)
    return ''
  }
}

/** Parts of a model call with the reasoning of its text apart. */
export async function* withoutThinkTags(parts: AsyncIterable<ModelPart>): AsyncGenerator<ModelPart> {
  const tags = new ThinkTags()
  for await (const part of parts) {
    if (part.type === 'text') yield* tags.push(part.text)
    else {
      if (part.type === 'finish' || part.type === 'tool_call') yield* tags.end()
      yield part
    }
  }
}

function piece(type: Piece['type'], text: string): Piece {
  return { type, text }
}

function joined(pieces: readonly Piece[]): Piece[] {
  const all: Piece[] = []
  for (const next of pieces) {
    const last = all.at(-1)
    if (last?.type === next.type) all[all.length - 1] = piece(last.type, last.text + next.text)
    else all.push(next)
  }
  return all
}

/** Length of the longest end of `text` that `tag` begins with. */
function overlap(text: string, tag: string): number {
  for (let length = Math.min(text.length, tag.length - 1); length > 0; length--) {
    if (text.endsWith(tag.slice(0, length))) return length
  }
  return 0
}
