import type { Static, TObject, TSchema } from '@sinclair/typebox'
import type { FastifyBaseLogger } from 'fastify'
import type { ErrorName } from './errors.ts'

/** What a credential may be allowed to do. `admin` includes all others; no other scope includes another. */
export const SCOPES = ['read', 'write', 'node', 'operate', 'admin'] as const
export type Scope = (typeof SCOPES)[number]

/** What a method asks of its caller: a scope, or `any` accepted credential. */
export type Requirement = Scope | 'any'

/** Who is calling. Comes from the credential alone, never from anything the client says. */
export interface Caller {
  /** The principal: `token:<name>`, `tailscale:<login>` or `local` (no token configured). */
  readonly id: string
  readonly scopes: ReadonlySet<Scope>
}

/**
 * Where an event comes from: a place in a run, where `seq` starts at 1 and has no gaps. What has no place in a run comes
 * from its session alone. `fromSeq` where several `content` events were merged: it stands for `fromSeq` to `seq`.
 */
export type Origin =
  | { readonly sessionId: string; readonly runId: string; readonly seq: number; readonly fromSeq?: number }
  | { readonly sessionId: string; readonly runId?: undefined; readonly seq?: undefined; readonly fromSeq?: undefined }

/** The socket a request came over, as far as methods may know it. */
export interface Peer {
  readonly id: string
  /** The session this connection is attached to; `ws:<connection id>` until a call names another. */
  sessionId: string
  /** Extension events this connection asked for with `system.hello`. */
  readonly events: Set<string>
  /** Says goodbye once every frame already written has gone out. */
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
  /** What the client says its trace is (https://www.w3.org/TR/trace-context/), unread: any text. */
  readonly traceparent?: string | undefined
  /** Sends one event of this request; a no-op when nobody listens any more. */
  emit<K extends keyof E & string>(event: K, data: Static<E[K]>, origin: Origin): void
}

/** One call and its answer, in the shape of the protocol. Published in OpenRPC, replayed by the tests. */
export interface Example<P extends TObject, R extends TSchema> {
  readonly params: Static<P>
  readonly result: Static<R>
}

/**
 * Everything the gateway knows about one method. The registry makes of it the WebSocket dispatch, the HTTP route
 * `POST {prefix}/rpc/<name>` and the OpenRPC entry.
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
  /** This gateway adds it to the specification's methods. */
  readonly extension?: true
  readonly scope: Requirement
  /** Unknown params are refused: give it `additionalProperties: false`. */
  readonly params: P
  readonly result: R
  /** Events streamed while the method runs, by name. */
  readonly events?: E
  /** What it may answer beyond the errors every method has: `COMMON_ERRORS` in `documents/errors.ts`. */
  readonly errors?: readonly ErrorName[]
  readonly examples?: ReadonlyArray<Example<P, R>>
  handler(params: Static<P>, ctx: Context<App, E>): Static<R> | Promise<Static<R>>
}

// biome-ignore lint/suspicious/noExplicitAny: a registry holds methods of every shape
export type AnyMethod<App = any> = Method<App, string, any, any, any>

/**
 * Is put around every call, to measure it or to give it an async context: calls `run` once, at once, and answers what it answers.
 * `method` is undefined where nothing has the name that was called.
 */
export type AroundCall<App = unknown> = (method: AnyMethod<App> | undefined, ctx: Context<App>, run: () => unknown) => unknown

/** Event beyond those of the methods' requests: sent only to connections that asked for it with `system.hello`. */
export interface EventDefinition {
  readonly name: string
  readonly data: TSchema
  /** Scope that a caller needs to ask for it. */
  readonly scope: Requirement
}
