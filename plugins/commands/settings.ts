import type { QueuePolicy } from '../../lanes/message.ts'
import { MAX_CAP, MAX_DEBOUNCE_MS, OVERFLOWS, QUEUE_MODES } from '../../rpc/schemas/queue.ts'

/** Text form of one field of a policy. */
interface Word<Field extends keyof QueuePolicy> {
  readonly field: Field
  /** Expected value, in words. */
  readonly expected: string
  /** Parses lower-case text. `undefined`: it is not a value of this field. */
  read(text: string): QueuePolicy[Field] | undefined
  write(value: QueuePolicy[Field]): string
}

const word = <Field extends keyof QueuePolicy>(definition: Word<Field>): Word<Field> => definition

const oneOf = <const T extends readonly string[]>(words: T) => ({
  expected: `one of ${words.join(', ')}`,
  read: (text: string): T[number] | undefined => words.find((known) => known === text),
  write: (value: T[number]) => value
})

/** Fields of `/queue set`, in the order in which they are shown. */
const WORDS = {
  mode: word({ field: 'mode', ...oneOf(QUEUE_MODES) }),
  cap: word({
    field: 'cap',
    expected: `a whole number from 1 to ${MAX_CAP}`,
    read: (text) => whole(text, 1, MAX_CAP),
    write: String
  }),
  overflow: word({ field: 'overflow', ...oneOf(OVERFLOWS) }),
  debounce: word({
    field: 'debounceMs',
    expected: `a time from 0 to ${MAX_DEBOUNCE_MS / 1000}s, such as 500ms or 2s`,
    read(text) {
      const [, digits, unit] = /^(\d{1,6})(ms|s)?$/.exec(text) ?? []
      return digits === undefined ? undefined : whole(String(Number(digits) * (unit === 's' ? 1000 : 1)), 0, MAX_DEBOUNCE_MS)
    },
    write: (ms) => `${ms}ms`
  }),
  summarize: word({
    field: 'summarizeOverflow',
    expected: 'on or off',
    read: (text) => (text === 'on' ? true : text === 'off' ? false : undefined),
    write: (on) => (on ? 'on' : 'off')
  })
} as const

type Key = keyof typeof WORDS
const KEYS = Object.keys(WORDS) as Key[]
const MAX_QUOTED = 40

/**
 * Parses `mode=collect cap=8`. One wrong part makes all of it wrong, so that no half is applied.
 * Upper and lower case are the same: phones choose them for people.
 */
export function parseSettings(text: string): { readonly fields: Partial<QueuePolicy> } | { readonly problem: string } {
  const fields: { -readonly [Field in keyof QueuePolicy]?: QueuePolicy[Field] } = {}
  const parts = text.split(/\s+/).filter(Boolean)
  if (parts.length === 0) return { problem: `Nothing to set. ${known()}` }
  for (const part of parts) {
    const [key, ...rest] = part.toLowerCase().split('=')
    const definition = key !== undefined && isKey(key) ? WORDS[key] : undefined
    if (!definition) return { problem: `${quoted(part)} is not a setting. ${known()}` }
    if (rest.length === 0) return { problem: `${key} needs a value: ${key}=…, ${definition.expected}.` }
    const value = definition.read(rest.join('='))
    if (value === undefined) return { problem: `${quoted(part)} is not valid: ${key} must be ${definition.expected}.` }
    if (definition.field in fields) return { problem: `${key} is set twice.` }
    Object.assign(fields, { [definition.field]: value })
  }
  return { fields }
}

/** Text of each field, as `/queue set` takes it. */
export function written(fields: Partial<QueuePolicy>): { readonly field: keyof QueuePolicy; readonly text: string }[] {
  return KEYS.flatMap((key) => {
    const { field, write } = WORDS[key] as Word<keyof QueuePolicy>
    const value = fields[field]
    return value === undefined ? [] : [{ field, text: `${key}=${write(value)}` }]
  })
}

function isKey(key: string): key is Key {
  return Object.hasOwn(WORDS, key)
}

function known(): string {
  return `Settings: ${KEYS.map((key) => `${key}=…`).join(' ')}`
}

function quoted(part: string): string {
  return JSON.stringify(part.length > MAX_QUOTED ? `${part.slice(0, MAX_QUOTED)}…` : part)
}

function whole(text: string, minimum: number, maximum: number): number | undefined {
  const value = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN
  return value >= minimum && value <= maximum ? value : undefined
}
