import { Bus } from '../../../plugins/bus/bus.ts'
import type { Notice, RunEvent, RunOutcome } from '../../../rpc/schemas/run-events.ts'
import { FakeClock } from '../../lanes/fixtures.ts'

export const SESSION = 'test:1'

/** A stored message, as far as the bus looks at it. */
export interface Row {
  id: string
  sessionId: string
  runId: string | null
  attempts: number
  outcome: unknown
  state: 'queued' | 'running' | 'completed'
}

/** Messages and sessions, where the database would be. A question to it takes a turn of the event loop. */
export class MemoryDb {
  readonly rows: Row[] = []
  readonly known = new Set<string>([SESSION])
  /** Called while a question is under way. */
  meanwhile = (): void => {}

  readonly queue = {
    get: (id: string) => this.#answer(() => this.rows.find((row) => row.id === id)),
    byRun: (runId: string) => this.#answer(() => this.rows.find((row) => row.runId === runId)),
    latest: (sessionId: string) => this.#answer(() => this.rows.findLast((row) => row.sessionId === sessionId))
  }
  readonly sessions = { get: (id: string) => this.#answer(() => (this.known.has(id) ? { id } : undefined)) }

  accept(id: string, sessionId = SESSION): Row {
    const row: Row = { id, sessionId, runId: null, attempts: 0, state: 'queued', outcome: null }
    this.rows.push(row)
    return row
  }

  claim(id: string, runId: string): void {
    Object.assign(this.#row(id), { runId, state: 'running', attempts: this.#row(id).attempts + 1 })
  }

  settle(id: string, outcome: RunOutcome): void {
    Object.assign(this.#row(id), { outcome: JSON.parse(JSON.stringify(outcome)), state: 'completed' })
  }

  #row(id: string): Row {
    return this.rows.find((row) => row.id === id)!
  }

  async #answer<T>(ask: () => T): Promise<T> {
    const answer = ask()
    this.meanwhile()
    await new Promise(setImmediate)
    return answer && structuredClone(answer)
  }
}

export function rig() {
  const clock = new FakeClock()
  const db = new MemoryDb()
  const problems: { err: Error }[] = []
  const bus = new Bus({ clock, db, log: { error: (problem: unknown) => problems.push(problem as { err: Error }) } as never })
  return { bus, clock, db, problems }
}

/** Keeps what it is told. */
export function listener() {
  const told: (RunEvent | Notice)[] = []
  const listen = (event: RunEvent | Notice): void => {
    told.push(event)
  }
  /** The numbers of what was told of runs. */
  const seqs = (): number[] =>
    told.flatMap((event) => {
      if (!('seq' in event)) return []
      const { seq, fromSeq = seq } = event
      return Array.from({ length: seq - fromSeq + 1 }, (_, index) => fromSeq + index)
    })
  return { listen, told, seqs }
}

export function result(runId: string, content = ''): RunOutcome & { result: object } {
  return {
    result: { sessionId: SESSION, runId, content, response: content, usage: { inputTokens: 0, outputTokens: 0 } }
  }
}

export const FAILURE = { error: { kind: 'InternalError', message: 'it broke', data: { retryable: false } } } as const

export const NOTHING = { topics: 0, streams: 0, messages: 0, followers: 0, bytes: 0 }
