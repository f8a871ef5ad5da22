import type { Static, TObject, TSchema } from '@sinclair/typebox'
import type { FastifyBaseLogger } from 'fastify'
import type { ErrorName } from './errors.ts'

/** Scopes of a credential. `admin` includes all others; no other scope includes another. */
export const SCOPES = ['read', 'write', 'node', 'operate', 'admin'] as const
export type Scope = (typeof SCOPES)[number]

/** Scope that a method requires. `any`: every accepted credential. */
export type Requirement = Scope | 'any'

/** Identity of a caller. Comes from the credential alone, never from anything the client sends. */
export interface Caller {
  /** The principal: `token:<name>`, `tailscale:<login>` or `local` (no token configured). */
  readonly id: string
  readonly scopes: ReadonlySet<Scope>
  /** `guest`: a sender of a channel who does not share the operator's memory and tools. Absent: an owner. */
  readonly access?: 'guest'
}

/**
 * Origin of an event: a place in a run, where `seq` starts at 1 and has no gaps, or a session alone. A merged `content` event
 * covers the places from `fromSeq` to `seq`.
 */
export type Origin =
  | { readonly sessionId: string; readonly runId: string; readonly seq: number; readonly fromSeq?: number }
  | { readonly sessionId: string; readonly runId?: undefined; readonly seq?: undefined; readonly fromSeq?: undefined }

/** Socket of a request, as methods see it. */
export interface Peer {
  readonly id: string
  /** The session this connection is attached to; `ws:<connection id>` until a call names another. */
  sessionId: string
  /** Extension events this connection asked for with `system.hello`. */
  readonly events: Set<string>
  /** Closes the socket after every frame already written has gone out. */
  close(code: number, reason: string): void
  /** Calls `fn` once when the socket is gone; at once when it is gone already. */
  onClose(fn: () => void): void
}

export type EventMap = Record<string, TSchema>

/** One call, as its handler sees it. `App`: the application that the methods belong to. */
export interface Context<App = unknown, E extends EventMap = EventMap> {
  readonly app: App
  readonly caller: Caller
  /** Absent when the call came over HTTP. */
  readonly connection: Peer | undefined
  readonly log: FastifyBaseLogger
  /** Aborted when the client is gone. Runs outlive it: a dropped client does not stop an agent. */
  readonly signal: AbortSignal
  /** `traceparent` of the client (https://www.w3.org/TR/trace-context/), not validated. */
  readonly traceparent?: string | undefined
  /** Sends one event of this request. No effect once the client is gone. */
  emit<K extends keyof E & string>(event: K, data: Static<E[K]>, origin: Origin): void
}

/** One call and its answer, in the shape of the protocol. Published in OpenRPC, replayed by the tests. */
export interface Example<P extends TObject, R extends TSchema> {
  readonly params: Static<P>
  readonly result: Static<R>
}

/**
 * Definition of one method. The registry derives the WebSocket dispatch, the HTTP route `POST {prefix}/rpc/<name>` and the
 * documents from it.
 */
export interface Method<
  App = unknown,
  N extends string = string,
  P extends TObject = TObject,
  R extends TSchema = TSchema,
  E extends EventMap = EventMap
> {
  readonly name: N
  /** One line, no full stop; that of an extension ends with `(extension)`. */
  readonly summary: string
  /** The specification does not have this method. */
  readonly extension?: true
  readonly scope: Requirement
  /** Does not count towards the in-flight limit of a connection, so that a full connection can stop what it started. */
  readonly uncounted?: true
  /** Unknown params are refused: give it `additionalProperties: false`. */
  readonly params: P
  readonly result: R
  /** Events streamed while the method runs, by name. */
  readonly events?: E
  /** Errors beyond those of every method (`COMMON_ERRORS` in `documents/errors.ts`). */
  readonly errors?: readonly ErrorName[]
  readonly examples?: ReadonlyArray<Example<P, R>>
  handler(params: Static<P>, ctx: Context<App, E>): Static<R> | Promise<Static<R>>
}

// biome-ignore lint/suspicious/noExplicitAny: a registry holds methods of every shape
export type AnyMethod<App = any> = Method<App, string, any, any, any>

/**
 * Wraps every call, to measure it or to give it an async context. It calls `run` once, synchronously, and returns its result.
 * `method` is undefined for an unknown name.
 */
export type AroundCall<App = unknown> = (method: AnyMethod<App> | undefined, ctx: Context<App>, run: () => unknown) => unknown

/** Event beyond those of the methods' requests: sent only to connections that asked for it with `system.hello`. */
export interface EventDefinition {
  readonly name: string
  readonly data: TSchema
  /** Scope that a caller needs to ask for it. */
  readonly scope: Requirement
}
