import { setTimeout as pause } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import { RpcError } from '../../rpc/errors.ts'

/** Jobs that run at the same time: each of them fills the machine's line to the internet. */
export const MAX_JOBS = 2

/** Work that goes on after its request was answered. */
export interface Job {
  readonly action: string
  readonly state: 'running' | 'done' | 'failed'
  /** Epoch milliseconds. */
  readonly startedAt: number
  readonly endedAt?: number
  /** Current step, or the result; one line for people. */
  readonly text: string
}

/** A change to a thing of the machine, as it is reported. */
export interface Change extends Job {
  /** Id of the thing: a backend or a dependency. */
  readonly target: string
}

/** Tools of a running job. */
export interface JobContext {
  /** Aborted at shutdown. */
  readonly signal: AbortSignal
  /** Sets the text of the job. */
  tell(text: string): void
}

/**
 * Changes to things of the machine. One thing has at most one change at a time, of a request or of a job; a second one is
 * refused. A change does not depend on its requester: a client that disconnects stops nothing.
 * Ids come from the tables of the callers, so they are as few as there are things.
 */
export class Changes {
  readonly #busy = new Map<string, string>()
  readonly #jobs = new Map<string, Job>()
  readonly #running = new Set<Promise<unknown>>()
  readonly #closing = new AbortController()
  readonly #log: Pick<FastifyBaseLogger, 'info' | 'warn'>
  readonly #now: () => number
  readonly #report: (change: Change) => void

  constructor(
    log: Pick<FastifyBaseLogger, 'info' | 'warn'>,
    now: () => number = Date.now,
    report: (change: Change) => void = () => {}
  ) {
    this.#log = log
    this.#now = now
    this.#report = report
  }

  /** The job of a thing: the one that runs, else the last one. */
  job(id: string): Job | undefined {
    return this.#jobs.get(id)
  }

  /**
   * Changes a thing. `signal` is aborted at shutdown.
   * @throws RpcError AgentBusy while the thing is being changed
   */
  async change<T>(id: string, action: string, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.#take(id, action)
    const startedAt = this.#now()
    const report = (state: Job['state'], text: string): void => {
      this.#report({ target: id, action, state, startedAt, text, ...(state === 'running' ? {} : { endedAt: this.#now() }) })
    }
    report('running', 'started')
    try {
      const result = await this.#track(run(this.#closing.signal))
      report('done', 'done')
      return result
    } catch (error) {
      report('failed', messageOf(error))
      throw error
    } finally {
      this.#busy.delete(id)
    }
  }

  /**
   * Starts a job, and answers it as it is when it has ended, or after `waitMs` if that is earlier. `run` answers with what it
   * has done; the message of an `RpcError` says what went wrong.
   * @throws RpcError AgentBusy while the thing is being changed, or too many jobs run
   */
  async start(id: string, action: string, waitMs: number, run: (context: JobContext) => Promise<string>): Promise<Job> {
    this.#take(id, action)
    const running = [...this.#jobs.values()].filter(({ state }) => state === 'running').length
    if (running >= MAX_JOBS) {
      this.#busy.delete(id)
      const text = `${MAX_JOBS} updates are running, which is as many as there may be: try again when one is done`
      throw new RpcError('AgentBusy', text)
    }
    const startedAt = this.#now()
    const set = (state: Job['state'], text: string): Job => {
      const job = { action, state, startedAt, text, ...(state === 'running' ? {} : { endedAt: this.#now() }) }
      this.#jobs.set(id, job)
      this.#report({ target: id, ...job })
      return job
    }
    set('running', 'started')
    const { signal } = this.#closing
    const end = (state: Job['state'], text: string): Job => {
      this.#busy.delete(id)
      return set(state, text)
    }
    const ended = run({ signal, tell: (text) => void set('running', text) }).then(
      (text) => {
        const job = end('done', text)
        this.#log.info({ id, action }, `a job has ended: ${text}`)
        return job
      },
      (err) => {
        const job = end('failed', signal.aborted ? 'the gateway was shut down' : messageOf(err))
        this.#log.warn({ id, action, err }, 'a job has failed')
        return job
      }
    )
    return (await within(this.#track(ended), waitMs)) ?? this.#jobs.get(id)!
  }

  /** Aborts changes in progress and waits for their end. */
  async close(): Promise<void> {
    this.#closing.abort(new RpcError('AgentBusy', 'The gateway is shutting down', { statusCode: 503 }))
    await Promise.allSettled(this.#running)
  }

  #take(id: string, action: string): void {
    this.#closing.signal.throwIfAborted()
    const current = this.#busy.get(id)
    if (current !== undefined) {
      throw new RpcError('AgentBusy', `${id} is being changed (${current}): try again when that is done`, {
        data: { retryAfterMs: 1000 }
      })
    }
    this.#busy.set(id, action)
  }

  #track<T>(work: Promise<T>): Promise<T> {
    this.#running.add(work)
    const done = (): void => void this.#running.delete(work)
    work.then(done, done)
    return work
  }
}

function messageOf(error: unknown): string {
  return error instanceof RpcError ? error.message : 'failed for an unforeseen reason'
}

/** Value of the promise, or undefined after `ms`. */
async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  const given = new AbortController()
  const over = pause(Math.max(0, ms), undefined, { signal: given.signal, ref: false }).catch(() => undefined)
  try {
    return await Promise.race([promise, over])
  } finally {
    given.abort()
  }
}
