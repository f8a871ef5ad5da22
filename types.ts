import type { Static, TSchema } from '@sinclair/typebox'
import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyPluginAsync,
  FastifyTypeProvider,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault
} from 'fastify'
import fp from 'fastify-plugin'
import type { Db } from './db/client.ts'
import type { Agent } from './plugins/agent/index.ts'
import type { Analytics } from './plugins/analytics/index.ts'
import type { Audit } from './plugins/audit/index.ts'
import type { Auth } from './plugins/auth/index.ts'
import type { Backends } from './plugins/backends/index.ts'
import type { Bus } from './plugins/bus/index.ts'
import type { Canvas } from './plugins/canvas/index.ts'
import type { Channels } from './plugins/channels/index.ts'
import type { Commands } from './plugins/commands/index.ts'
import type { Config, ConfigStore } from './plugins/config/index.ts'
import type { Confirmations } from './plugins/confirmations/index.ts'
import type { Connections } from './plugins/connections/index.ts'
import type { ContextManager } from './plugins/context/index.ts'
import type { Dependencies } from './plugins/docker/index.ts'
import type { Documents } from './plugins/documents/index.ts'
import type { GatewayLanes } from './plugins/lanes/index.ts'
import type { Metrics } from './plugins/metrics/index.ts'
import type { Nodes } from './plugins/nodes/index.ts'
import type { Observability } from './plugins/observability/index.ts'
import type { Pairing } from './plugins/pairing/index.ts'
import type { Presence } from './plugins/presence/index.ts'
import type { Programs } from './plugins/programs/index.ts'
import type { Providers } from './plugins/providers/index.ts'
import type { Sessions } from './plugins/sessions/index.ts'
import type { System } from './plugins/system/index.ts'
import type { Tools } from './plugins/tools/index.ts'
import type { WebPush } from './plugins/web-push/index.ts'
import type { Registry } from './rpc/registry.ts'

/** Every decorator of the gateway and the plugin that owns it. Extensions augment this interface. */
export interface GatewayDecorators {
  /** The configuration in force: complete, frozen, another object after a reload — plugins/config */
  config: Config
  /** How the configuration becomes another one — plugins/config */
  configStore: ConfigStore
  /** Stores over one database — plugins/db/index.ts */
  db: Db
  /** The append-only record of what was done by whom — plugins/audit/index.ts */
  audit: Audit
  /** Request → caller — plugins/auth */
  auth: Auth
  /** Method registry and dispatcher — plugins/rpc/index.ts */
  rpc: Registry
  /** What describes the gateway to programs — plugins/documents/index.ts */
  documents: Documents
  /** Live sockets — plugins/connections/index.ts */
  connections: Connections
  /** What connects runs with those who listen — plugins/bus */
  bus: Bus
  /** One queue a session — plugins/lanes */
  lanes: GatewayLanes
  /** Conversations — plugins/sessions/index.ts */
  sessions: Sessions
  /** Models, by tier — plugins/providers */
  providers: Providers
  /** What the agent can do — plugins/tools */
  tools: Tools
  /** Who is told of tools, and what waits for a person — plugins/confirmations */
  confirmations: Confirmations
  /** What the gateway says of itself — plugins/system/index.ts */
  system: System
  /** What models see of conversations — plugins/context */
  context: ContextManager
  /** What people can tell the gateway in a conversation — plugins/commands */
  commands: Commands
  /** Who answers — plugins/agent */
  agent: Agent
  /** What sessions show beside their conversations — plugins/canvas/index.ts */
  canvas: Canvas
  /** Who writes to the gateway — plugins/presence/index.ts */
  presence: Presence
  /** Who may talk to the agent over a channel — plugins/pairing */
  pairing: Pairing
  /** Ways in which people reach the agent from elsewhere — plugins/channels */
  channels: Channels
  /** Browsers that are told when nobody looks at the page — plugins/web-push */
  webPush: WebPush
  /** Companion devices — plugins/nodes */
  nodes: Nodes
  /** The programs of the machine — plugins/programs */
  programs: Programs
  /** Servers of local models — plugins/backends */
  backends: Backends
  /** What runs beside the gateway in containers — plugins/docker */
  dependencies: Dependencies
  /** How everything is, was, and what it logs — plugins/observability */
  observability: Observability
  /** What Prometheus is told — plugins/metrics */
  metrics: Metrics
  /** Figures about conversations — plugins/analytics/index.ts */
  analytics: Analytics
}

/** Infers `request.body`, `params`, `query` and replies from TypeBox schemas; no package needed for three lines. */
interface TypeBoxProvider extends FastifyTypeProvider {
  validator: this['schema'] extends TSchema ? Static<this['schema']> : unknown
  serializer: this['schema'] extends TSchema ? Static<this['schema']> : unknown
}

type TypeBoxInstance = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxProvider
>

/** The Fastify instance inside the gateway: its names win over the host's, at run time and in types. */
export type GatewayInstance = Omit<TypeBoxInstance, keyof GatewayDecorators> & GatewayDecorators

export interface PluginMeta {
  /** Becomes `flynn:<name>`. */
  readonly name: string
  /** Names of other plugins of the gateway; a missing one stops the start. */
  readonly dependencies?: readonly string[]
  /** `false`: what the plugin adds stays inside it. */
  readonly share?: boolean
}

/** Makes a Fastify plugin of the gateway: named, its dependencies checked, its instance typed. */
export function gatewayPlugin<O extends object = Record<never, never>>(
  { name, dependencies = [], share = true }: PluginMeta,
  plugin: (app: GatewayInstance, opts: O) => Promise<void>
): FastifyPluginAsync<O> {
  return fp(plugin as unknown as FastifyPluginAsync<O>, {
    name: `flynn:${name}`,
    fastify: '5.x',
    dependencies: dependencies.map((dependency) => `flynn:${dependency}`),
    encapsulate: !share
  })
}

/** Named things of one kind, in the order they were added. A duplicate name stops the start. */
export class NamedRegistry<T extends { readonly name: string }> {
  readonly #kind: string
  readonly #items = new Map<string, T>()

  constructor(kind: string) {
    this.#kind = kind
  }

  add(item: T): void {
    if (this.#items.has(item.name)) throw new Error(`${this.#kind} '${item.name}' is already registered`)
    this.#items.set(item.name, item)
  }

  get(name: string): T | undefined {
    return this.#items.get(name)
  }

  list(): T[] {
    return [...this.#items.values()]
  }
}
