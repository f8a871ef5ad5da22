import type { LoggerOptions } from 'pino'
import { type Masker, STARS } from '../../security/masking/masker.ts'
import { namesSecret } from '../../security/masking/rules.ts'
import type { LogQuery, RawLine, RawLog } from './journal.ts'
import { levelOfPino } from './levels.ts'

/** Lines that are kept; as many as can be asked for, and one to tell that there are more. */
const MAX_LINES = 2001
/** Characters of all of them. */
const MAX_CHARACTERS = 2 * 1024 * 1024
const MAX_LINE = 8192
const ERROR = /^\{"level":[56]0,/

/** The newest lines of the log that the gateway itself writes. What pino writes to: it hands on what it gets. */
export class OwnLog {
  /** Lines at level error and above so far. */
  errors = 0
  readonly #next: { write(line: string): unknown }
  #lines: string[] = []
  /** Of `#lines` that have made way already. */
  #gone = 0
  #characters = 0

  /** @param next where the log goes */
  constructor(next: { write(line: string): unknown }) {
    this.#next = next
  }

  write(line: string): void {
    this.#next.write(line)
    if (ERROR.test(line)) this.errors++
    const kept = line.slice(0, MAX_LINE)
    this.#lines.push(kept)
    this.#characters += kept.length
    while (this.#lines.length - this.#gone > MAX_LINES || this.#characters > MAX_CHARACTERS) {
      this.#characters -= this.#lines[this.#gone]!.length
      this.#lines[this.#gone++] = ''
    }
    // Not for each line: the array would be moved each time.
    if (this.#gone > MAX_LINES) {
      this.#lines = this.#lines.slice(this.#gone)
      this.#gone = 0
    }
  }

  read({ lines, since = 0 }: LogQuery): RawLog {
    const wanted = this.#lines
      .slice(this.#gone)
      .map(lineOf)
      .filter(({ ts }) => ts >= since)
    return { lines: wanted.slice(-lines), truncated: wanted.length > lines }
  }
}

/** One line of pino's; its other members follow the message as JSON. */
function lineOf(json: string): RawLine {
  try {
    const { level, time, msg, pid: _pid, hostname: _hostname, ...rest } = JSON.parse(json) as Record<string, unknown>
    const more = Object.keys(rest).length > 0 ? JSON.stringify(rest) : ''
    const text = [msg, more].filter((part) => typeof part === 'string' && part !== '').join(' ')
    return { ts: Number(time) || 0, level: levelOfPino(Number(level)), text }
  } catch {
    // Too long to be kept whole.
    const [level, time] = [/"level":(\d+)/.exec(json)?.[1], /"time":(\d+)/.exec(json)?.[1]]
    return { ts: Number(time ?? 0), level: levelOfPino(Number(level ?? 30)), text: json }
  }
}

/**
 * Options for pino that keep secrets out of every line: out of its message, its fields, and the messages and stacks of errors. `masker` is
 * asked for each line: a reload makes another one.
 */
export function maskingLog(masker: () => Masker): Required<Pick<LoggerOptions, 'hooks' | 'serializers' | 'formatters'>> {
  const mask = (text: string): string => masker().mask(text).text
  return {
    hooks: {
      logMethod(args, method) {
        const [first, message, ...more] = args as readonly unknown[]
        const error = first instanceof Error ? first : (first as { err?: unknown } | null | undefined)?.err
        // Without a message pino takes that of the error.
        const told = message === undefined && error instanceof Error ? [first, error.message] : [first, message, ...more]
        // What stands first and is no text is the fields: `formatters` and `serializers` deal with those.
        const shown = told.map((part, at) => (at === 0 && typeof part !== 'string' ? part : maskedValue(part, mask)))
        method.apply(this, shown as Parameters<typeof method>)
      }
    },
    formatters: { log: (fields) => maskedFields(fields, mask) },
    serializers: { err: (error: unknown) => shownError(error, mask) }
  }
}

type Mask = (text: string) => string

/** Values in one field, at any depth; also what ends the walk through one that refers to itself. */
const MAX_VALUES = 200

interface Budget {
  left: number
}

function maskedFields(fields: object, mask: Mask, budget?: Budget): Record<string, unknown> {
  const entries = Object.entries(fields)
    .slice(0, budget?.left)
    .map(([name, value]) => {
      const hidden = typeof value === 'string' && value !== '' && namesSecret(name)
      return [name, hidden ? STARS : maskedValue(value, mask, budget)]
    })
  return Object.fromEntries(entries)
}

/** Requests, errors and the like are left to who knows what to show of them. */
function maskedValue(value: unknown, mask: Mask, budget: Budget = { left: MAX_VALUES }): unknown {
  if (budget.left <= 0) return '…'
  budget.left--
  if (typeof value === 'string') return mask(value)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.slice(0, budget.left).map((item) => maskedValue(item, mask, budget))
  if (value instanceof URL) return mask(value.href)
  return isPlain(value) ? maskedFields(value, mask, budget) : value
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Causes of causes. */
const MAX_DEPTH = 5

function shownError(error: unknown, mask: Mask, depth = 0): unknown {
  if (!(error instanceof Error)) return maskedValue(error, mask)
  const { name, message, stack, cause } = error
  const { code } = error as NodeJS.ErrnoException
  return {
    type: name,
    ...(code === undefined ? {} : { code }),
    message: mask(message),
    stack: stack === undefined ? undefined : mask(stack),
    ...(cause === undefined || depth === MAX_DEPTH ? {} : { cause: shownError(cause, mask, depth + 1) })
  }
}
