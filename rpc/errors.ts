/**
 * The error table of the protocol. `code` is the specification's; `http` the status of the same error over HTTP;
 * `jsonrpc` what a JSON-RPC 2.0 frame carries in `error.code` (codes without a JSON-RPC meaning: -32000 - code).
 */
export const ERRORS = {
  ParseError: { code: -1, http: 400, jsonrpc: -32700, retryable: false },
  InvalidRequest: { code: -2, http: 400, jsonrpc: -32602, retryable: false },
  MethodNotFound: { code: -3, http: 404, jsonrpc: -32601, retryable: false },
  AuthRequired: { code: -4, http: 401, jsonrpc: -31996, retryable: false },
  AuthFailed: { code: -5, http: 401, jsonrpc: -31995, retryable: false },
  SessionNotFound: { code: 1, http: 404, jsonrpc: -32001, retryable: false },
  ToolNotFound: { code: 2, http: 404, jsonrpc: -32002, retryable: false },
  AgentBusy: { code: 3, http: 429, jsonrpc: -32003, retryable: true },
  RequestCancelled: { code: 4, http: 409, jsonrpc: -32004, retryable: false },
  InternalError: { code: 5, http: 500, jsonrpc: -32005, retryable: false }
} as const satisfies Record<string, { code: number; http: number; jsonrpc: number; retryable: boolean }>

export type ErrorName = keyof typeof ERRORS

/** One thing that is wrong with a request: where (`params.limit`), and what was expected. */
export interface Issue {
  readonly path: string
  readonly message: string
}

/** What `error.data` may hold. */
export interface ErrorData {
  readonly retryable?: boolean
  readonly retryAfterMs?: number
  readonly issues?: readonly Issue[]
  readonly [extra: string]: unknown
}

export interface RpcErrorOptions extends ErrorOptions {
  readonly data?: ErrorData
  /** Replaces the table's HTTP status, where the same code has a more telling one. */
  readonly statusCode?: number
}

/** An error that crosses the wire. Its message is written for the client: no secrets, no paths, no stack. */
export class RpcError extends Error {
  override readonly name = 'RpcError'
  readonly kind: ErrorName
  readonly code: number
  readonly statusCode: number
  readonly data: ErrorData & { readonly retryable: boolean }

  constructor(kind: ErrorName, message: string, { data = {}, statusCode = ERRORS[kind].http, ...options }: RpcErrorOptions = {}) {
    super(message, options)
    this.kind = kind
    this.code = ERRORS[kind].code
    this.statusCode = statusCode
    this.data = { retryable: ERRORS[kind].retryable, ...data }
  }

  toJSON(): { code: number; message: string; data: ErrorData } {
    return { code: this.code, message: this.message, data: this.data }
  }
}

/** Whatever was thrown becomes an error that may be shown; the original stays in `cause` for the log. */
export function toRpcError(thrown: unknown): RpcError {
  if (thrown instanceof RpcError) return thrown
  return new RpcError('InternalError', 'Internal error: the gateway could not complete the request', { cause: thrown })
}

/** A request whose params are wrong: the message names the first problem, `data.issues` all of them. */
export function invalidParams(issues: readonly Issue[]): RpcError {
  const first = issues[0]
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : ''
  return new RpcError('InvalidRequest', first ? `${first.path} ${first.message}${more}` : 'Invalid params', { data: { issues } })
}

/** Error 1. */
export function sessionNotFound(id: string): RpcError {
  return new RpcError('SessionNotFound', `There is no session ${JSON.stringify(id)}`)
}
