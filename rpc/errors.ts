interface ErrorDefinition {
  /** Code of the specification. */
  readonly code: number
  /** HTTP status of the same error. */
  readonly http: number
  /** `error.code` of a JSON-RPC 2.0 frame. Codes without a JSON-RPC meaning are -32000 - code. */
  readonly jsonrpc: number
  readonly retryable: boolean
  /** Cause, for the documentation. */
  readonly when: string
}

/** Error table of the protocol. */
export const ERRORS = {
  ParseError: {
    code: -1,
    http: 400,
    jsonrpc: -32700,
    retryable: false,
    when: 'The frame or body is not JSON, is binary, or is nested too deep.'
  },
  InvalidRequest: {
    code: -2,
    http: 400,
    jsonrpc: -32602,
    retryable: false,
    when: 'The envelope or the params are invalid or contain a reserved key, or the id is in use.'
  },
  MethodNotFound: {
    code: -3,
    http: 404,
    jsonrpc: -32601,
    retryable: false,
    when: 'No method has this name.'
  },
  AuthRequired: {
    code: -4,
    http: 401,
    jsonrpc: -31996,
    retryable: false,
    when: 'The request carries no credential.'
  },
  AuthFailed: {
    code: -5,
    http: 401,
    jsonrpc: -31995,
    retryable: false,
    when: 'The credential is invalid or lacks the scope, the request comes from another site, or too many attempts failed.'
  },
  SessionNotFound: {
    code: 1,
    http: 404,
    jsonrpc: -32001,
    retryable: false,
    when: 'No session has this id.'
  },
  ToolNotFound: {
    code: 2,
    http: 404,
    jsonrpc: -32002,
    retryable: false,
    when: 'No tool has this name.'
  },
  AgentBusy: {
    code: 3,
    http: 429,
    jsonrpc: -32003,
    retryable: true,
    when: 'Too much is in progress on the connection or queued in the session, a newer message replaced this one, or the gateway is shutting down. Also: too many wrong or open pairing codes.'
  },
  RequestCancelled: {
    code: 4,
    http: 409,
    jsonrpc: -32004,
    retryable: false,
    when: '`agent.cancel`, `queue.cancel`, `queue.clear`, `sessions.delete`, `/stop`, `/new` or an interrupting message ended the request.'
  },
  InternalError: {
    code: 5,
    http: 500,
    jsonrpc: -32005,
    retryable: false,
    when: 'The model failed, the conversation does not fit its window, the run took too long, or an unexpected error occurred.'
  }
} as const satisfies Record<string, ErrorDefinition>

export type ErrorName = keyof typeof ERRORS

/** One thing that is wrong with a request: where (`params.limit`), and what was expected. */
export interface Issue {
  readonly path: string
  readonly message: string
}

/** Members of `error.data`. */
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

/** Turns anything thrown into an error for the client. The original stays in `cause` for the log. */
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
