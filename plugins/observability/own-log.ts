import type { LoggerOptions } from 'pino'
import type { Masker } from '../../rpc/masking/masker.ts'
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
 * Options for pino that keep secrets out of what people wrote: messages of lines, and messages and stacks of errors. What stands in the
 * fields of a line is a matter of pino's own `redact`. `masker` is asked for each line: a reload makes another one.
 */
export function maskingLog(masker: () => Masker): Pick<LoggerOptions, 'hooks' | 'serializers'> {
  const mask = (value: unknown): unknown => (typeof value === 'string' ? masker().mask(value).text : value)
  return {
    hooks: {
      logMethod(args, method) {
        const [first, message] = args as readonly unknown[]
        const error = first instanceof Error ? first : (first as { err?: unknown } | null | undefined)?.err
        // Without a message pino takes that of the error.
        const told = message === undefined && error instanceof Error ? [first, error.message] : args
        method.apply(this, told.map(mask) as Parameters<typeof method>)
      }
    },
    serializers: { err: (error: unknown) => shownError(error, mask) }
  }
}

/** Causes of causes. */
const MAX_DEPTH = 5

function shownError(error: unknown, mask: (value: unknown) => unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return mask(error)
  const { name, message, stack, cause } = error
  const { code } = error as NodeJS.ErrnoException
  return {
    type: name,
    ...(code === undefined ? {} : { code }),
    message: mask(message),
    stack: mask(stack),
    ...(cause === undefined || depth === MAX_DEPTH ? {} : { cause: shownError(cause, mask, depth + 1) })
  }
}
