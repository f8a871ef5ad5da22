import { setImmediate } from 'node:timers/promises'
import type { Clock } from '../../lanes/clock.ts'
import { LaneError } from '../../lanes/errors.ts'
import type { Ticket, Turn, Work } from '../../lanes/lane.ts'
import { Lanes, type LanesOptions } from '../../lanes/lanes.ts'

export const RUN_TIMEOUT = 1000
export const ABANDON_AFTER = 50

/** Lets every promise that can settle do so. */
export const settle = (): Promise<void> => setImmediate()

/** Time that passes only when told to. Before and after each timer everything settles. */
export class FakeClock implements Clock {
  #now = 0
  #timers: { due: number; fn: () => void }[] = []

  now(): number {
    return this.#now
  }

  /** Timers that are armed. */
  get pending(): number {
    return this.#timers.length
  }

  after(ms: number, fn: () => void): () => void {
    const timer = { due: this.#now + ms, fn }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  async advance(ms: number): Promise<void> {
    const until = this.#now + ms
    for (;;) {
      await settle()
      // Stable: of timers due at the same moment the one armed first goes first.
      const next = this.#timers.filter(({ due }) => due <= until).sort((one, other) => one.due - other.due)[0]
      if (next === undefined) break
      this.#timers = this.#timers.filter((timer) => timer !== next)
      this.#now = next.due
      next.fn()
    }
    this.#now = Math.max(this.#now, until)
  }
}

/** What a run makes of its aborted signal. */
export type OnAbort = 'rejects' | 'returns' | 'ignores'

export interface JobOptions {
  readonly owner?: string
  readonly onAbort?: OnAbort
  /** What the run does when it is called; it may throw. */
  readonly first?: (turn: Turn) => void
}

/** Work whose end the test decides. */
export class Job implements Work<string> {
  readonly name: string
  readonly owner: string
  readonly #onAbort: OnAbort
  readonly #first: (turn: Turn) => void
  readonly #run = Promise.withResolvers<string>()
  ticket!: Ticket<string>
  /** Set once the run was called. */
  turn: Turn | undefined
  calls = 0
  /** Every outcome of the ticket: the value, the message of the run's own error, or the code of a LaneError. */
  readonly outcomes: string[] = []
  error: unknown

  constructor(name: string, { owner = 'ann', onAbort = 'rejects', first = () => {} }: JobOptions = {}) {
    this.name = name
    this.owner = owner
    this.#onAbort = onAbort
    this.#first = first
    // A run that throws never hands its promise out.
    this.#run.promise.catch(() => {})
  }

  run(turn: Turn): Promise<string> {
    this.calls++
    this.turn = turn
    turn.signal.addEventListener('abort', () => {
      if (this.#onAbort === 'rejects') this.#run.reject(turn.signal.reason)
      if (this.#onAbort === 'returns') this.#run.resolve('partial')
    })
    this.#first(turn)
    return this.#run.promise
  }

  finish(): void {
    this.#run.resolve('done')
  }

  fail(): void {
    this.#run.reject(new Error('failed'))
  }

  watch(ticket: Ticket<string>): this {
    this.ticket = ticket
    ticket.settled.then(
      (value) => this.outcomes.push(value),
      (error: unknown) => {
        this.error = error
        this.outcomes.push(error instanceof LaneError ? error.code : (error as Error).message)
      }
    )
    return this
  }
}

/** Lanes on a fake clock. `submit` enqueues a job; `called` lists the jobs in the order in which their runs were called. */
export function rig(options: Partial<LanesOptions> = {}) {
  const clock = new FakeClock()
  const lanes = new Lanes({ clock, maxConcurrentRuns: 2, runTimeoutMs: RUN_TIMEOUT, abandonAfterMs: ABANDON_AFTER, ...options })
  const called: string[] = []
  return {
    clock,
    lanes,
    called,
    submit(laneId: string, name: string, { first, ...rest }: JobOptions = {}): Job {
      const job = new Job(name, {
        ...rest,
        first(turn) {
          called.push(name)
          first?.(turn)
        }
      })
      return job.watch(lanes.enqueue(laneId, job))
    }
  }
}
