import type { AnyMethod, EventDefinition } from '../define.ts'

/** A route as it was registered, its path relative to the gateway's mount point. */
export interface Route {
  readonly method: string
  /** As Fastify writes it: `/webhooks/:name`. */
  readonly path: string
  readonly auth: 'required' | 'http' | 'optional' | 'socket' | 'none'
  readonly schema: RouteSchema
}

/** What a route may say of itself; `schema` of the route, as Fastify and its plugins for documents have it. */
export interface RouteSchema {
  readonly summary?: string
  readonly description?: string
  readonly operationId?: string
  readonly tags?: readonly string[]
  readonly deprecated?: boolean
  readonly hide?: boolean
  readonly consumes?: readonly string[]
  readonly security?: ReadonlyArray<Record<string, readonly string[]>>
  readonly body?: unknown
  readonly params?: unknown
  readonly querystring?: unknown
  readonly headers?: unknown
  readonly response?: unknown
}

/** What a document describes. */
export interface Described {
  readonly version: string
  readonly methods: readonly AnyMethod[]
  /** Extension events. */
  readonly events: readonly EventDefinition[]
  readonly routes: readonly Route[]
  /** Where the gateway is on its host: `/agent`; empty at the root. */
  readonly mount: string
}

/** An example of a call, whatever the method. */
export interface Shown {
  readonly params: unknown
  readonly result: unknown
}

/** Where a client reaches the gateway, unless it knows better. */
export const HOST = { default: '127.0.0.1:18800', description: 'Host and port of the gateway, or of the proxy before it' }

export const LICENSE = { name: 'MIT' }

/** `agent` of `agent.send`. */
export function groupOf(name: string): string {
  return name.slice(0, name.indexOf('.'))
}
