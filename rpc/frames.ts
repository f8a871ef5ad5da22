import type { Origin } from './define.ts'
import { ERRORS, type ErrorData, RpcError } from './errors.ts'

/** Dialect of a frame, decided per frame: the specification's own, or JSON-RPC 2.0. */
export type Dialect = 'native' | '2.0'
export type RequestId = number | string | null

export interface Request {
  readonly dialect: Dialect
  /** `undefined`: a JSON-RPC 2.0 notification, which gets no answer. */
  readonly id: RequestId | undefined
  readonly method: string
  readonly params: Record<string, unknown> | readonly unknown[] | undefined
  /** As the client wrote it. A value that is not a string is ignored. */
  readonly traceparent: string | undefined
}

/** A frame that is no request; `id` is null where it could not be read. */
export interface Unreadable {
  readonly dialect: Dialect
  readonly id: RequestId
  readonly error: RpcError
}

/** Reads one parsed frame (a batch is read item by item). */
export function readRequest(value: unknown): Request | Unreadable {
  if (!isObject(value)) return unreadable('native', null, 'a request is an object with id, method and params')
  return 'jsonrpc' in value ? readStrict(value) : readNative(value)
}

/** A frame that is not JSON can at least name its dialect. */
const CLAIMS_STRICT = /"jsonrpc"\s*:\s*"2\.0"/

/** A frame whose text was refused before it was read. What it still tells is used: a client waits for an answer by id. */
export function refusedText(text: string, error: RpcError): Unreadable {
  if (error.kind === 'ParseError') return { dialect: CLAIMS_STRICT.test(text) ? '2.0' : 'native', id: null, error }
  const value: unknown = JSON.parse(text)
  if (Array.isArray(value)) return { dialect: '2.0', id: null, error }
  const { dialect, id = null } = readRequest(value)
  return { dialect, id, error }
}

function readNative({ id, method, params, traceparent }: Record<string, unknown>): Request | Unreadable {
  if (!Number.isSafeInteger(id)) return unreadable('native', null, 'id is required and must be an integer')
  const known = id as number
  if (typeof method !== 'string') return unreadable('native', known, 'method is required and must be a string')
  if (params !== undefined && !isObject(params)) return unreadable('native', known, 'params must be an object')
  return { dialect: 'native', id: known, method, params, traceparent: traceparentIn(traceparent) }
}

function readStrict({ jsonrpc, id, method, params, traceparent }: Record<string, unknown>): Request | Unreadable {
  const known = typeof id === 'string' || Number.isSafeInteger(id) ? (id as string | number) : null
  if (jsonrpc !== '2.0') return unreadable('2.0', known, 'jsonrpc must be "2.0"')
  if (id !== undefined && id !== null && known === null) return unreadable('2.0', null, 'id must be a string, an integer or null')
  if (typeof method !== 'string') return unreadable('2.0', known, 'method is required and must be a string')
  // Params by position are a valid request, only not one of these methods: the method says what it expects.
  if (params !== undefined && !isObject(params) && !Array.isArray(params)) {
    return unreadable('2.0', known, 'params must be an object')
  }
  return { dialect: '2.0', id: id === undefined ? undefined : known, method, params, traceparent: traceparentIn(traceparent) }
}

function unreadable(dialect: Dialect, id: RequestId, problem: string): Unreadable {
  return { dialect, id, error: new RpcError('InvalidRequest', `Invalid request: ${problem}`) }
}

/** JSON-RPC 2.0 calls a bad envelope -32600 and bad params -32602; the specification has one code for both. */
const INVALID_ENVELOPE = -32600

/** `result` is JSON text already. */
export function resultFrame(dialect: Dialect, id: RequestId, result: string): string {
  return dialect === 'native'
    ? `{"id":${id},"result":${result}}`
    : `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${result}}`
}

export function errorFrame(dialect: Dialect, id: RequestId, error: RpcError): string {
  if (dialect === 'native') return JSON.stringify({ id, error })
  const { code, message, data } = error.toJSON()
  return JSON.stringify({ jsonrpc: '2.0', id, error: { code: ERRORS[error.kind].jsonrpc, message, data: { code, ...data } } })
}

/** The answer to a frame that is no request. */
export function unreadableFrame({ dialect, id, error }: Unreadable): string {
  if (dialect === 'native' || error.kind !== 'InvalidRequest') return errorFrame(dialect, id, error)
  const { code, message, data } = error.toJSON()
  const strict: { code: number; message: string; data: ErrorData } = { code: INVALID_ENVELOPE, message, data: { code, ...data } }
  return JSON.stringify({ jsonrpc: '2.0', id, error: strict })
}

/** Origin of an event of the gateway as a whole. */
export type NoOrigin = { readonly [Field in 'sessionId' | 'runId' | 'seq' | 'fromSeq']?: undefined }

/** One event, with its origin. */
export interface EventFrame {
  readonly id: RequestId
  readonly event: string
  readonly data: unknown
  readonly origin: Origin | NoOrigin
}

/** Members of an event but its id, as JSON without the opening brace. */
export function eventMembers({ event, data, origin }: EventFrame): string {
  const { sessionId, runId, seq, fromSeq } = origin
  return JSON.stringify({ event, data, sessionId, runId, seq, fromSeq }).slice(1)
}

/** Text of an event's frame before and after its members. */
export function eventHead(dialect: Dialect, id: RequestId): readonly [head: string, tail: string] {
  const member = `{"id":${typeof id === 'number' ? id : JSON.stringify(id)},`
  return dialect === 'native' ? [member, ''] : [`{"jsonrpc":"2.0","method":"event","params":${member}`, '}']
}

export function eventFrame(dialect: Dialect, frame: EventFrame): string {
  const [head, tail] = eventHead(dialect, frame.id)
  return head + eventMembers(frame) + tail
}

/** Longer than any valid trace parent. A longer one is ignored, so that it does not stay in memory. */
const MAX_TRACEPARENT = 256

function traceparentIn(value: unknown): string | undefined {
  return typeof value === 'string' && value.length <= MAX_TRACEPARENT ? value : undefined
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
