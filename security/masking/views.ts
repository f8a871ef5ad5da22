/** A decoded text and the position of each of its characters in the original text, followed by the position of the end. */
export interface View {
  readonly text: string
  /** Absent when no character has moved. */
  readonly at?: Uint32Array
}

/** Layers of escapes that are decoded: JSON in a JSON string, a URL in a URL. */
const LAYERS = 2

/** Terminal escape sequences up to their end: CSI, OSC and the like, and sequences of two characters (ECMA-48). */
const ANSI =
  '(?:\\u001b\\[|\\u009b)[0-?]*[ -\\/]*[@-~]' +
  '|(?:\\u001b[\\]PX\\^_]|[\\u0090\\u0098\\u009d-\\u009f])[^\\u0007\\u001b\\u009c]*(?:\\u0007|\\u001b\\\\|\\u009c)?' +
  '|\\u001b[ -\\/]*[0-~]'
/** Terminal escape sequences and invisible characters, which can stand inside a secret. Tabs and line ends count as visible. */
const UNSEEN = new RegExp(`${ANSI}|[[\\p{Cc}\\p{Cf}]--[\\t\\n\\r]]`, 'gv')

/** Removes terminal escape sequences and invisible characters. */
export function plain(text: string): string {
  return text.replace(UNSEEN, '')
}

/**
 * Distinct views of a text: the text itself first, then its decoded forms. An invisible sequence may stand in the middle of a secret,
 * or swallow the beginning of one. So each layer has a view with the invisible sequences and one without.
 */
export function viewsOf(text: string): View[] {
  const views = new Map<string, View>()
  let layer: View[] = [{ text }]
  for (let depth = 0; ; depth++) {
    const added = layer.flatMap((view) => [view, seen(view)]).filter((view) => !views.has(view.text))
    for (const view of added) views.set(view.text, view)
    if (depth === LAYERS) return [...views.values()]
    layer = added
      .flatMap((view) => [unescaped(view, '%', percent), unescaped(view, '\\', backslash)])
      .filter((view) => view !== undefined)
  }
}

/** Decodes the escape at `at` and returns its length; undefined when no escape starts at that position. */
type Escape = (text: string, at: number) => readonly [decoded: string, length: number] | undefined

function unescaped(view: View, mark: string, decode: Escape): View | undefined {
  const made = new Making(view)
  const { text } = view
  for (let from = text.indexOf(mark); from >= 0; from = text.indexOf(mark, made.done)) {
    const found = decode(text, from)
    if (found) made.replace(from, ...found)
    else made.copy(from + 1)
  }
  return made.changed ? made.view() : undefined
}

/** The view without invisible sequences, or the view itself when it has none. */
function seen(view: View): View {
  const made = new Making(view)
  for (const match of view.text.matchAll(UNSEEN)) made.replace(match.index, '', match[0].length)
  return made.changed ? made.view() : view
}

/** Builds a view from another one, from beginning to end, by copying and replacing parts. */
class Making {
  readonly #from: View
  readonly #at: Uint32Array
  #text = ''
  /** Characters of the other view that are processed. */
  done = 0
  changed = false

  constructor(from: View) {
    this.#from = from
    this.#at = new Uint32Array(from.text.length + 1)
  }

  copy(end: number): void {
    const offset = this.#text.length - this.done
    for (let index = this.done; index < end; index++) this.#at[index + offset] = this.#origin(index)
    this.#text += this.#from.text.slice(this.done, end)
    this.done = end
  }

  /** @param by no longer than what it replaces */
  replace(start: number, by: string, length: number): void {
    this.copy(start)
    this.#at.fill(this.#origin(start), this.#text.length, this.#text.length + by.length)
    this.#text += by
    this.done = start + length
    this.changed = true
  }

  view(): View {
    this.copy(this.#from.text.length)
    this.#at[this.#text.length] = this.#origin(this.done)
    return { text: this.#text, at: this.#at }
  }

  #origin(index: number): number {
    return this.#from.at ? this.#from.at[index]! : index
  }
}

/** `%41`, and the UTF-8 bytes of one character beyond ASCII, each escaped. */
const percent: Escape = (text, at) => {
  const lead = byteAt(text, at)
  if (lead === undefined) return undefined
  const length = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
  const bytes = [lead]
  for (let n = 1; n < length; n++) {
    const byte = byteAt(text, at + 3 * n)
    if (byte === undefined || byte >> 6 !== 2) return [String.fromCharCode(lead), 3]
    bytes.push(byte)
  }
  return [length === 1 ? String.fromCharCode(lead) : Buffer.from(bytes).toString(), 3 * length]
}

function byteAt(text: string, at: number): number | undefined {
  const digits = text.slice(at + 1, at + 3)
  return text[at] === '%' && /^[\da-f]{2}$/i.test(digits) ? Number.parseInt(digits, 16) : undefined
}

const CONTROL: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f', 0: '\0' }

/** Escapes of JSON and of languages with similar string literals. */
const backslash: Escape = (text, at) => {
  const kind = text[at + 1] ?? ''
  const digits = kind === 'u' ? 4 : kind === 'x' ? 2 : 0
  const code = text.slice(at + 2, at + 2 + digits)
  if (digits > 0 && code.length === digits && /^[\da-f]+$/i.test(code)) {
    return [String.fromCharCode(Number.parseInt(code, 16)), 2 + digits]
  }
  if (Object.hasOwn(CONTROL, kind)) return [CONTROL[kind]!, 2]
  return kind !== '' && '\\"\'/'.includes(kind) ? [kind, 2] : undefined
}
