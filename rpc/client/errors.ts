/** Contents of `error.data` in an answer of the gateway. */
export interface RpcErrorData {
  /** The same request may succeed later. */
  readonly retryable?: boolean
  /** Earliest useful retry, in milliseconds from now. */
  readonly retryAfterMs?: number
  /** Problems of the params, by path: `params.limit`. */
  readonly issues?: readonly { readonly path: string; readonly message: string }[]
  readonly [extra: string]: unknown
}

/**
 * The gateway refused the request. `code` is the protocol's: -5 to -1 for a request that was wrong or not allowed, 1 session not
 * found, 2 tool not found, 3 agent busy, 4 cancelled, 5 internal error.
 */
export class RpcError extends Error {
  override readonly name = 'RpcError'
  readonly code: number
  readonly data: RpcErrorData

  constructor({ code, message, data = {} }: { readonly code: number; readonly message: string; readonly data?: RpcErrorData }) {
    super(message)
    this.code = code
    this.data = data
  }

  /** The same request may succeed later. */
  get retryable(): boolean {
    return this.data.retryable === true
  }

  /** Earliest useful retry, in milliseconds from now; undefined when the gateway names none. */
  get retryAfterMs(): number | undefined {
    return this.data.retryAfterMs
  }
}

/** No answer came in time. The request was sent: the gateway may have carried it out. */
export class TimedOut extends Error {
  override readonly name = 'TimedOut'
  readonly timeoutMs: number

  constructor(method: string, timeoutMs: number) {
    super(`${method} was not answered within ${timeoutMs} ms`)
    this.timeoutMs = timeoutMs
  }
}

/**
 * The connection broke before the answer came. `sent: false`: the request never left this machine. `sent: true`: the gateway may
 * have carried it out; only a request that is safe to repeat should be sent again.
 */
export class Disconnected extends Error {
  override readonly name = 'Disconnected'
  readonly sent: boolean

  constructor({ sent }: { readonly sent: boolean }) {
    super(sent ? 'The connection was lost before the answer came' : 'There is no connection to the gateway: nothing was sent')
    this.sent = sent
  }
}
