import type { Clock } from '../client/clock.ts'
import { Disconnected, type GatewayMethods, RpcError } from '../client/index.ts'
import type { ErrorReporter } from '../client/listeners.ts'

/** Handlers that run at once. */
export const MAX_RUNNING = 4
/** Invocations that wait for a handler. The gateway lets 16 wait for one node; one more fails at once. */
export const MAX_WAITING = 16
/** The gateway waits for an answer at most this long: a handler that takes longer is aborted. */
export const HANDLER_TIMEOUT_MS = 120_000
/** Limits of `node.result`. */
const MAX_OUTPUT_CHARACTERS = 1024 * 1024
const MAX_ERROR_CHARACTERS = 1000
const INVALID_REQUEST = -2

/** Request of the gateway to use a capability. */
export type Invocation = GatewayMethods['node.register']['events']['invoke']

export interface HandlerContext {
  readonly capability: string
  readonly callId: string
  /** Aborted when an answer would have no receiver: the connection was lost, 120 s are over, or the companion was closed. */
  readonly signal: AbortSignal
}

/** Does what a capability stands for. The value it returns is the output, as JSON; an error it throws becomes the reason of a failed result. */
export type Handler = (args: Record<string, unknown>, context: HandlerContext) => unknown

/** A capability with its use: shown to people and to the agent, and checked by the gateway before it asks. */
export interface DescribedCapability {
  /** Effect of the capability: one line of at most 500 characters. */
  readonly description?: string
  /** JSON Schema of the arguments, an object. */
  readonly params?: Readonly<Record<string, unknown>>
  readonly run: Handler
}

export type Capability = Handler | DescribedCapability

export interface InvocationsOptions {
  readonly handlers: ReadonlyMap<string, Handler>
  readonly answer: (result: Result) => Promise<unknown>
  readonly clock: Clock
  readonly report: ErrorReporter
}

type Result = GatewayMethods['node.result']['params']

interface Open {
  readonly invocation: Invocation
  readonly controller: AbortController
  readonly timer: unknown
}

/**
 * Answers each invocation once. A handler keeps its place until it returns, also after it was aborted: one that ignores its signal
 * cannot pile up.
 */
export class Invocations {
  readonly #options: InvocationsOptions
  /** Not answered yet. */
  readonly #open = new Set<Open>()
  /** Those of them that have not begun. */
  readonly #waiting: Open[] = []
  #running = 0

  constructor(options: InvocationsOptions) {
    this.#options = options
  }

  start(invocation: Invocation): void {
    const { handlers, clock } = this.#options
    const { callId, capability } = invocation
    if (!handlers.has(capability)) {
      this.#answer(failed(callId, `This node does not offer ${capability}`))
      return
    }
    if (this.#waiting.length >= MAX_WAITING) {
      this.#answer(failed(callId, `This node is busy: ${MAX_WAITING} calls wait already`))
      return
    }
    // The time counts from here: a call may wait for other handlers first.
    const timer = clock.setTimeout(() => this.#expire(open), HANDLER_TIMEOUT_MS)
    const open = { invocation, controller: new AbortController(), timer }
    this.#open.add(open)
    this.#waiting.push(open)
    this.#startNext()
  }

  /** Aborts every open call without an answer: its connection is gone. */
  abort(reason: Error): void {
    for (const open of [...this.#open]) if (this.#settle(open)) open.controller.abort(reason)
    this.#waiting.length = 0
  }

  #startNext(): void {
    while (this.#running < MAX_RUNNING) {
      const next = this.#waiting.shift()
      if (!next) return
      this.#running++
      void this.#run(next).finally(() => {
        this.#running--
        this.#startNext()
      })
    }
  }

  async #run(open: Open): Promise<void> {
    const { callId, capability, args } = open.invocation
    try {
      const output = await this.#options.handlers.get(capability)!(args, { capability, callId, signal: open.controller.signal })
      if (this.#settle(open)) this.#answer(succeeded(callId, output))
    } catch (error) {
      if (this.#settle(open)) this.#answer(failed(callId, messageOf(error)))
    }
  }

  #expire(open: Open): void {
    if (!this.#settle(open)) return
    const at = this.#waiting.indexOf(open)
    if (at >= 0) this.#waiting.splice(at, 1)
    const error = new Error(`The node did not finish within ${HANDLER_TIMEOUT_MS} ms`)
    open.controller.abort(error)
    this.#answer(failed(open.invocation.callId, error.message))
  }

  /** False: it was answered, or is given up. */
  #settle(open: Open): boolean {
    this.#options.clock.clearTimeout(open.timer)
    return this.#open.delete(open)
  }

  #answer(result: Result): void {
    this.#options.answer(result).catch((error: unknown) => {
      // The caller or the connection has gone: an answer has no receiver.
      if (error instanceof Disconnected || (error instanceof RpcError && error.code === INVALID_REQUEST)) return
      this.#options.report(error)
    })
  }
}

function succeeded(callId: string, output: unknown): Result {
  try {
    const text = JSON.stringify(output) as string | undefined
    if (text === undefined) return { callId, ok: true }
    if (text.length <= MAX_OUTPUT_CHARACTERS) return { callId, ok: true, output }
    return failed(callId, `The output has ${text.length} characters as JSON; at most ${MAX_OUTPUT_CHARACTERS} are allowed`)
  } catch (error) {
    return failed(callId, `The output is not JSON: ${messageOf(error)}`)
  }
}

function failed(callId: string, message: string): Result {
  // Not in the middle of a surrogate pair.
  const error = message.slice(0, MAX_ERROR_CHARACTERS).replace(/[\ud800-\udbff]$/, '')
  return { callId, ok: false, error: error || 'The node gave no reason' }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error)
}
