import type { Outcome } from '../programs/index.ts'
import { type Level, levelOfPriority } from './levels.ts'

/** One line of a log, as it was written. */
export interface RawLine {
  /** Epoch milliseconds. */
  readonly ts: number
  readonly level: Level
  readonly text: string
}

/** Part of a log, in the order of time. */
export interface RawLog {
  readonly lines: readonly RawLine[]
  /** There are more lines, older than these. */
  readonly truncated: boolean
  /** Why there are none, or not all. */
  readonly problem?: string
}

export interface LogQuery {
  readonly lines: number
  /** Epoch milliseconds; absent: from the beginning. */
  readonly since: number | undefined
}

/** Newest first, so that the oldest lines are cut off. One extra line shows if there are more. */
export function journalArgs(scope: 'user' | 'system', unit: string, { lines, since }: LogQuery): string[] {
  return [
    '--no-pager',
    '--quiet',
    '--output=json',
    '--output-fields=MESSAGE,PRIORITY',
    // Without it a message of more than 4096 bytes is null.
    '--all',
    '--reverse',
    `--lines=${lines + 1}`,
    ...(since === undefined ? [] : [`--since=@${Math.floor(since / 1000)}`]),
    `${scope === 'user' ? '--user-unit' : '--unit'}=${unit}`
  ]
}

/** Parses the output of `journalctl` for `journalArgs`. */
export function parseJournal({ missing, timedOut, truncated, code, stdout, stderr }: Outcome, { lines }: LogQuery): RawLog {
  const problem = missing
    ? 'there is no journal on this machine'
    : timedOut
      ? 'journalctl did not answer in time'
      : code === 0 || truncated
        ? undefined
        : /insufficient permissions|permission denied/i.test(stderr)
          ? 'the user that the gateway runs as may not read the journal: it has to be in the group systemd-journal'
          : /no journal files were (?:found|opened)/i.test(stderr)
            ? 'there is no journal on this machine'
            : code === null
              ? 'journalctl could not be started, or was killed'
              : `journalctl failed with exit code ${code}`
  const entries = stdout.split('\n').flatMap(entryOf)
  const kept = entries.slice(0, lines).reverse()
  return { lines: kept, truncated: truncated || entries.length > lines, ...(problem === undefined ? {} : { problem }) }
}

/** One line of JSON; several lines where the message has them, none where it is torn or has no message. */
function entryOf(json: string): RawLine[] {
  if (json.trim() === '') return []
  let entry: Readonly<Record<string, unknown>>
  try {
    entry = Object(JSON.parse(json))
  } catch {
    return []
  }
  const text = messageOf(entry.MESSAGE)
  const ts = Math.floor(Number(entry.__REALTIME_TIMESTAMP) / 1000)
  if (text === undefined || !Number.isSafeInteger(ts)) return []
  const priority = typeof entry.PRIORITY === 'string' ? entry.PRIORITY : undefined
  return [{ ts, level: levelOfPriority(priority, text), text }]
}

/** A text, its bytes where one of them is not printable, null where it is too long, a list of those where there are several. */
function messageOf(message: unknown): string | undefined {
  if (typeof message === 'string') return message
  if (!Array.isArray(message)) return undefined
  if (isBytes(message)) return Buffer.from(message).toString()
  const parts = message.flatMap((part: unknown) =>
    typeof part === 'string' ? [part] : isBytes(part) ? [Buffer.from(part).toString()] : []
  )
  return parts.length === 0 ? undefined : parts.join('\n')
}

function isBytes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((byte) => Number.isInteger(byte) && byte >= 0 && byte <= 255)
}
