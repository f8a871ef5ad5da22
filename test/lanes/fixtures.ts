import { setImmediate } from 'node:timers/promises'
import type fc from 'fast-check'
import type { Clock } from '../../lanes/clock.ts'
import type { RecoveredMessage } from '../../lanes/driver.ts'
import { LaneError } from '../../lanes/errors.ts'
import { Lanes, type LanesOptions } from '../../lanes/lanes.ts'
import { MemoryDriver } from '../../lanes/memory.ts'
import type { LaneMessage, Outcome, QueuePolicy, Ticket } from '../../lanes/message.ts'
import type { Turn } from '../../lanes/turn.ts'

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

export const POLICY: QueuePolicy = { mode: 'followup', cap: 1000, overflow: 'drop_old', debounceMs: 20, summarizeOverflow: true }

/** What a message of the tests carries: what its turn does, when it is the first one of the turn. */
export interface Work {
  run(turn: Turn<Work>): unknown
}

export type MessageOptions = Partial<Omit<LaneMessage<unknown>, 'payload' | 'policy'> & QueuePolicy>

export function message<P>(
  payload: P,
  { mode, cap, overflow, debounceMs, summarizeOverflow, ...rest }: MessageOptions = {}
): LaneMessage<P> {
  const given = { mode, cap, overflow, debounceMs, summarizeOverflow }
  const policy = { ...POLICY, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) }
  return { id: `${++ids}`, owner: 'ann', priority: 'person', acceptedAt: 0, ...rest, policy, payload }
}
let ids = 0

/** A message as it is found after a restart. */
export function recovered<P>(message: LaneMessage<P>, more: Partial<RecoveredMessage<P>> = {}): RecoveredMessage<P> {
  return { laneId: 'x', message, state: 'queued', attempts: 0, ...more }
}

export function shown({ value, how, collected, backlog, fallback }: Outcome<unknown>): string {
  const parts = [how !== 'completed' && how, collected, value, backlog && 'again', fallback && `(${fallback})`]
  return parts.filter((part) => part !== false && part !== undefined).join(' ')
}

/** Which verdict of the lane it is, and on a message that was where. */
export const verdict = (error: unknown): string => {
  return error instanceof LaneError ? `${error.code}, ${error.stage}` : 'not of the lane'
}

/** An error as the tests read it: the code of a LaneError, or the message of the run's own error. */
export const told = (error: unknown): string => (error instanceof LaneError ? error.code : (error as Error).message)

export interface JobOptions extends MessageOptions {
  readonly onAbort?: OnAbort
  /** What the run does when it is called; it may throw. */
  readonly first?: (turn: Turn<Work>) => void
}

/** A message whose turn ends when the test says so. */
export class Job implements Work {
  readonly name: string
  readonly #onAbort: OnAbort
  readonly #first: (turn: Turn<Work>) => void
  #run = Promise.withResolvers<string>()
  ticket: Ticket<unknown> | undefined
  /** Set once a turn has begun with it, last to the latest. */
  turn: Turn<Work> | undefined
  calls = 0
  /** How many runs have seen it as a steer; the second look of a `steer_backlog` is its own turn. */
  steered = 0
  /** Every outcome of the ticket. A refused `send` is `refused`. */
  readonly outcomes: string[] = []
  error: unknown

  constructor(name: string, { onAbort = 'rejects', first = () => {} }: JobOptions = {}) {
    this.name = name
    this.#onAbort = onAbort
    this.#first = first
    // A run that throws never hands its promise out.
    this.#run.promise.catch(() => {})
  }

  run(turn: Turn<Work>): Promise<string> {
    const run = this.#run
    turn.signal.addEventListener('abort', () => {
      if (this.#onAbort === 'rejects') run.reject(turn.signal.reason)
      if (this.#onAbort === 'returns') run.resolve('partial')
    })
    this.#first(turn)
    return run.promise
  }

  finish(): void {
    this.#run.resolve('done')
  }

  fail(): void {
    this.#run.reject(new Error('failed'))
  }

  /** The process that had it is gone, and so are its turn and its run. */
  orphan(): void {
    this.turn = undefined
    this.ticket = undefined
    this.#run = Promise.withResolvers<string>()
    this.#run.promise.catch(() => {})
  }

  watch(sent: Promise<Ticket<unknown>>): this {
    sent.then(
      (ticket) => {
        this.ticket = ticket
        ticket.settled.then(
          (outcome) => this.outcomes.push(shown(outcome)),
          (error: unknown) => {
            this.error = error
            this.outcomes.push(told(error))
          }
        )
      },
      (error: unknown) => {
        this.error = error
        this.outcomes.push(`refused: ${told(error)}`)
      }
    )
    return this
  }
}

export type RigOptions = Partial<LanesOptions<Work, unknown>>

/** Lanes on a fake clock. `submit` sends a job; `called` lists the turns, by their messages, in the order in which their runs were called. */
export function rig(options: RigOptions = {}) {
  const clock = new FakeClock()
  const called: string[] = []
  const lanes = new Lanes<Work, unknown>({
    clock,
    maxConcurrentRuns: 2,
    runTimeoutMs: RUN_TIMEOUT,
    abandonAfterMs: ABANDON_AFTER,
    driver: new MemoryDriver(),
    run(turn) {
      const jobs = turn.messages.map(({ payload }) => payload).filter((work) => work instanceof Job)
      if (jobs.length > 0) called.push(jobs.map(({ name }) => name).join('+'))
      for (const job of jobs) {
        job.calls++
        job.turn = turn
      }
      return turn.messages[0]!.payload.run(turn)
    },
    ...options
  })
  return {
    clock,
    lanes,
    called,
    /** Sends something that is run as it is. */
    send: (laneId: string, run: Work['run'], more?: MessageOptions) => lanes.send(laneId, message({ run }, more)),
    submit(laneId: string, name: string, { first, onAbort, ...rest }: JobOptions = {}): Job {
      const job: Job = new Job(name, { ...(first && { first }), ...(onAbort && { onAbort }) })
      return job.watch(lanes.send(laneId, message(job as Work, { id: name, acceptedAt: clock.now(), ...rest })))
    }
  }
}

/** The jobs of several lanes, and what their runs can do. */
export class Cast {
  /** By lane, in the order of sending. */
  readonly #jobs = new Map<string, Job[]>()
  readonly #waits = new Map<string, (() => void)[]>()

  add(laneId: string, job: Job): Job {
    this.#jobs.set(laneId, [...this.of(laneId), job])
    return job
  }

  of(laneId: string): readonly Job[] {
    return this.#jobs.get(laneId) ?? []
  }

  get all(): Job[] {
    return [...this.#jobs.values()].flat()
  }

  /** The turns of a lane that it has not let go of; a turn of several messages counts once. */
  live(laneId: string): Turn<Work>[] {
    return [...new Set(this.of(laneId).flatMap(({ turn }) => (turn?.live ? [turn] : [])))]
  }

  /** Ends the live run of the lane, or one that was abandoned and is of no interest any more. */
  end(laneId: string, how: 'finish' | 'fail', which: 'live' | 'abandoned' = 'live'): void {
    for (const job of this.of(laneId)) if (job.turn && job.turn.live === (which === 'live')) job[how]()
  }

  /** The live run of the lane looks for what was steered into it. Answers what it sees, once it does. */
  async take(laneId: string): Promise<LaneMessage<Work>[]> {
    const taken = await Promise.all(this.live(laneId).map((turn) => turn.takeSteered()))
    const seen = taken.flat()
    for (const { payload, policy } of seen) if (payload instanceof Job && policy.mode === 'steer') payload.steered++
    return seen
  }

  pause(laneId: string): void {
    for (const turn of this.live(laneId)) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#waits.set(laneId, [...(this.#waits.get(laneId) ?? []), resolve])
      turn.pause(() => promise).catch(() => {})
    }
  }

  resume(laneId: string): void {
    for (const resolve of this.#waits.get(laneId) ?? []) resolve()
    this.#waits.delete(laneId)
  }
}

/** A step of a random schedule; `label` is what a failure shows of it. */
export interface Step<W> {
  readonly label: string
  play(world: W, name: string): unknown
}

/** A kind of step, and how often it comes; `play` gets what was drawn for it. */
export function stepsOf<W>() {
  return <A>(weight: number, drawn: fc.Arbitrary<A>, play: (world: W, drawn: A, name: string) => unknown) => ({
    weight,
    arbitrary: drawn.map((it): Step<W> => ({ label: JSON.stringify(it), play: (world, name) => play(world, it, name) }))
  })
}
