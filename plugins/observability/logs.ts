import { setImmediate as turn } from 'node:timers/promises'
import type { Static } from '@sinclair/typebox'
import { RpcError } from '../../rpc/errors.ts'
import { type Masker, STARS } from '../../security/masking/masker.ts'
import { plain } from '../../security/masking/views.ts'
import { printable } from '../../security/sanitize.ts'
import type { Programs } from '../programs/index.ts'
import { containerArgs, parseContainer } from './containers.ts'
import { journalArgs, type LogQuery, parseJournal, type RawLine, type RawLog } from './journal.ts'
import type { ServiceLog } from './schema.ts'
import type { LogPlace, Source } from './sources.ts'

/** Characters of one line. */
const MAX_LINE = 8192
/** Characters of all lines of one answer: the oldest make way. */
export const MAX_CHARACTERS = 1024 * 1024
/** Of what a program prints. Docker prints the oldest lines first: with too much of it, it is asked for fewer. */
const MAX_BYTES = 4 * 1024 * 1024
const FEWER = 16
const TIMEOUT_MS = 10_000
/** Logs that are read at the same time. */
export const MAX_READING = 8
/** Milliseconds of masking before other work gets a turn. */
const SLICE_MS = 5

export interface LogRequest {
  readonly lines: number
  readonly sinceSeconds?: number | undefined
  /** Signal of the requester. */
  readonly signal: AbortSignal
}

interface Surroundings {
  readonly programs: Pick<Programs, 'run'>
  readonly masker: () => Masker
  readonly now?: () => number
}

/** Reads the logs of sources and shows them without secrets. */
export class Logs {
  readonly #programs: Surroundings['programs']
  readonly #masker: () => Masker
  readonly #now: () => number
  #reading = 0

  constructor({ programs, masker, now = Date.now }: Surroundings) {
    this.#programs = programs
    this.#masker = masker
    this.#now = now
  }

  /**
   * The newest lines of a source, in the order of time. One whose log cannot be read has none, and says why.
   * @throws RpcError AgentBusy when too many are being read
   */
  async read(source: Source, { lines, sinceSeconds, signal }: LogRequest): Promise<Static<typeof ServiceLog>> {
    if (this.#reading >= MAX_READING) {
      throw new RpcError('AgentBusy', `${MAX_READING} logs are being read: try again in a moment`, {
        data: { retryAfterMs: 1000 }
      })
    }
    this.#reading++
    try {
      const fetchedAt = this.#now()
      const since = sinceSeconds === undefined ? undefined : fetchedAt - sinceSeconds * 1000
      const log = source.log ? await this.#raw(source.log, { lines, since }, signal) : { lines: [], truncated: false }
      const kept = newest(log.lines)
      const { shown, redacted, cut } = await this.#shown(kept)
      const problem = source.log ? log.problem : source.problem
      return {
        sourceId: source.id,
        fetchedAt,
        redacted,
        truncated: log.truncated || cut || kept.length < log.lines.length,
        lines: shown,
        ...(problem === undefined ? {} : { problem })
      }
    } finally {
      this.#reading--
    }
  }

  /** Arguments come from the table of sources; of a client there are numbers in them. */
  async #raw(place: LogPlace, query: LogQuery, signal: AbortSignal): Promise<RawLog> {
    const options = { timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES, signal }
    if (place.in === 'memory') return place.log.read(query)
    if (place.in === 'journal') {
      return parseJournal(await this.#programs.run('journalctl', journalArgs(place.scope, place.unit, query), options), query)
    }
    const args = containerArgs(place.name, query)
    if (!args) return { lines: [], truncated: false, problem: 'its container has a name that cannot be used' }
    const outcome = await this.#programs.run('docker', args, options)
    if (!outcome.truncated) return parseContainer(outcome, query)
    const fewer = { ...query, lines: Math.ceil(query.lines / FEWER) }
    const again = await this.#programs.run('docker', containerArgs(place.name, fewer)!, options)
    return { ...parseContainer(again, fewer), truncated: true }
  }

  async #shown(lines: readonly RawLine[]): Promise<{ shown: RawLine[]; redacted: boolean; cut: boolean }> {
    const shown: RawLine[] = []
    let redacted = false
    let cut = false
    let until = performance.now() + SLICE_MS
    const texts = this.#masker().maskLines(
      lines.map(({ text }) => text),
      MAX_LINE
    )
    for (const { text, masked } of texts) {
      const { ts, level, text: raw } = lines[shown.length]!
      // The gateway masks its own lines when it writes them.
      redacted ||= masked || raw.includes(STARS)
      cut ||= raw.length > MAX_LINE
      shown.push({ ts, level, text: printable(plain(text), MAX_LINE).trimEnd() })
      if (performance.now() < until) continue
      await turn()
      until = performance.now() + SLICE_MS
    }
    return { shown, redacted, cut }
  }
}

/** As many of the last ones as an answer has room for. */
function newest(lines: readonly RawLine[]): readonly RawLine[] {
  let left = MAX_CHARACTERS
  let from = lines.length
  while (from > 0 && left >= Math.min(lines[from - 1]!.text.length, MAX_LINE))
    left -= Math.min(lines[--from]!.text.length, MAX_LINE)
  return lines.slice(from)
}
