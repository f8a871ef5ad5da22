import type { Clock } from './clock.ts'
import type { ClientConnection } from './connection.ts'
import { Disconnected, type RpcError, TimedOut } from './errors.ts'
import type { EventFrame } from './frames.ts'
import type { ErrorReporter } from './listeners.ts'

/** Calls that wait for a connection. One more is `Disconnected`. */
const MAX_WAITING = 1000
const TIMEOUT_MS = 60_000
/** Methods whose answer comes when a run ends. */
const LASTING: ReadonlySet<string> = new Set(['agent.send', 'agent.retry', 'sessions.resume'])

export interface CallOptions<E = Record<never, never>> {
  /** Stops waiting; the call then rejects with the signal's reason. The gateway does not hear of it. */
  readonly signal?: AbortSignal | undefined
  /** Time for the connection and the answer, in milliseconds. Default 60,000; for agent.send, agent.retry and sessions.resume `Infinity`. */
  readonly timeoutMs?: number | undefined
  /** Hears events of this request, also those that come after its answer, for as long as this connection lasts. */
  readonly onEvent?: ((event: CallEvent<E>) => void) | undefined
}

/** An event of a call. */
export type CallEvent<E> = {
  [K in keyof E]: {
    readonly event: K
    readonly data: E[K]
    readonly sessionId?: string
    readonly runId?: string
    readonly seq?: number
  }
}[keyof E]

export interface CallsOptions {
  readonly connection: ClientConnection
  readonly clock: Clock
  readonly report: ErrorReporter
}

interface Waiting {
  readonly start: () => void
  readonly fail: (error: unknown) => void
}

/** Calls of methods: each waits for a connection, is sent once and settled once. */
export class Calls {
  readonly #options: CallsOptions
  readonly #waiting = new Set<Waiting>()
  /** Reason why nothing is sent any more, until the next connect. */
  #ended: RpcError | Disconnected | undefined

  constructor(options: CallsOptions) {
    this.#options = options
  }

  /** There is a new connection. */
  resumeAll(): void {
    for (const { start } of [...this.#waiting]) if (this.#options.connection.connected) start()
  }

  /** Fails what waits, and what comes until `reopen`. */
  abandon(error: RpcError | Disconnected): void {
    this.#ended = error
    for (const { fail } of [...this.#waiting]) fail(error)
  }

  reopen(): void {
    this.#ended = undefined
  }

  call(
    method: string,
    params: object | undefined,
    { signal, timeoutMs, onEvent }: CallOptions<Record<string, unknown>>
  ): Promise<unknown> {
    const { connection, clock, report } = this.#options
    return new Promise((resolve, reject) => {
      const limit = timeoutMs ?? (LASTING.has(method) ? Number.POSITIVE_INFINITY : TIMEOUT_MS)
      let id: number | undefined
      const settle = (error: unknown, result?: unknown): void => {
        clock.clearTimeout(timer)
        signal?.removeEventListener('abort', abort)
        this.#waiting.delete(waiting)
        if (error === undefined) resolve(result)
        else reject(error)
      }
      const giveUp = (error: unknown): void => {
        if (id !== undefined) connection.forget(id)
        settle(error)
      }
      const abort = (): void => giveUp(signal?.reason)
      const expire = (): void => giveUp(id === undefined ? new Disconnected({ sent: false }) : new TimedOut(method, limit))
      const receive = (frame: EventFrame): void => {
        try {
          onEvent?.(frame as never)
        } catch (error) {
          report(error)
        }
      }
      const waiting: Waiting = {
        start: () => {
          this.#waiting.delete(waiting)
          id = connection.send(method, params, { onEvent: onEvent && receive, settle }, onEvent !== undefined)
        },
        fail: giveUp
      }
      const timer = Number.isFinite(limit) ? clock.setTimeout(expire, limit) : undefined
      if (signal?.aborted) abort()
      else {
        signal?.addEventListener('abort', abort, { once: true })
        if (connection.connected) waiting.start()
        else if (this.#ended) giveUp(this.#ended)
        else if (this.#waiting.size >= MAX_WAITING) giveUp(new Disconnected({ sent: false }))
        else this.#waiting.add(waiting)
      }
    })
  }
}
