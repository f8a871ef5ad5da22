import type { AnyMethod, EventDefinition } from '../define.ts'

/** A route as it was registered, its path relative to the gateway's mount point. */
export interface Route {
  readonly method: string
  /** As Fastify writes it: `/webhooks/:name`. */
  readonly path: string
  readonly auth: 'required' | 'http' | 'optional' | 'socket' | 'none'
  /** Scopes that it requires of the credential. */
  readonly scopes: readonly string[]
  readonly schema: RouteSchema
}

/** `schema` of a route, as Fastify and its documentation plugins write it. */
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

/** Input of a document. */
export interface Described {
  readonly version: string
  readonly methods: readonly AnyMethod[]
  /** Extension events. */
  readonly events: readonly EventDefinition[]
  readonly routes: readonly Route[]
  /** Mount point of the gateway on its host: `/agent`; empty at the root. */
  readonly mount: string
}

/** Example of a call of any method. */
export interface Shown {
  readonly params: unknown
  readonly result: unknown
}

/** Default address of the gateway. */
export const HOST = { default: '127.0.0.1:18800', description: 'Host and port of the gateway, or of the proxy before it' }

/** License of the documents. OpenAPI adds its SPDX identifier. */
export const LICENSE = { name: 'MIT' }

/** `agent` of `agent.send`. */
export function groupOf(name: string): string {
  return name.slice(0, name.indexOf('.'))
}
