import { createRequire } from 'node:module'
import type { Static } from '@sinclair/typebox'
import { HEARTBEAT_SECONDS, MAX_IN_FLIGHT } from '../../rpc/connection.ts'
import type { Peer } from '../../rpc/define.ts'
import { MAX_DEPTH, MAX_VALUES } from '../../rpc/json.ts'
import { MAX_ATTACHMENT_BYTES, MAX_ATTACHMENTS, MAX_MESSAGE } from '../../rpc/schemas/agent.ts'
import type { GatewayInstance } from '../define.ts'
import type { Capabilities, Info } from './schema.ts'

const { version } = createRequire(import.meta.url)('#package.json') as { version: string }

/** Describes companion nodes to a connection, with its own registration as one. Over HTTP there is no connection. */
export type NodesDescription = (connection: Peer | undefined) => Pick<Static<typeof Capabilities>, 'nodes' | 'featureGates'>

/** Milliseconds between two probes of the database. */
const PROBE_MS = 1000

/** Description for a gateway without the plugin `nodes`. */
const withoutNodes: NodesDescription = () => ({
  nodes: { enabled: false, locationEnabled: false, pushEnabled: false, allowedRoles: [], registered: false },
  featureGates: {}
})

/** Version, capabilities and readiness of the gateway. */
export class System {
  /** The version of the protocol that this gateway speaks. */
  readonly protocol = { version: 1 }
  readonly version = version
  /** Id of the build of the pages. Set by the route that serves them. */
  build = ''
  readonly #app: GatewayInstance
  readonly #startedAt = performance.now()
  #nodes = withoutNodes
  #closing = false
  #probe: { readonly at: number; readonly reason: Promise<string | undefined> } | undefined

  constructor(app: GatewayInstance) {
    this.#app = app
  }

  info(): Static<typeof Info> {
    const { provider, model, offline } = this.#app.providers.describe('default')
    return {
      version,
      build: this.build,
      uptime: Math.floor((performance.now() - this.#startedAt) / 1000),
      connections: this.#app.connections.size,
      model: { provider, model, offline }
    }
  }

  /** Sets the description of companion nodes. The plugin that owns them calls it. */
  describeNodes(nodes: NodesDescription): void {
    this.#nodes = nodes
  }

  capabilities(connection?: Peer): Static<typeof Capabilities> {
    const { server, agent, limits } = this.#app.config
    return {
      protocol: this.protocol,
      ...this.#nodes(connection),
      limits: {
        maxPayloadBytes: server.maxPayloadBytes,
        maxNesting: MAX_DEPTH,
        maxValues: MAX_VALUES,
        maxInFlight: MAX_IN_FLIGHT,
        maxMessageCharacters: MAX_MESSAGE,
        maxAttachments: MAX_ATTACHMENTS,
        maxAttachmentBytes: MAX_ATTACHMENT_BYTES,
        heartbeatSeconds: HEARTBEAT_SECONDS,
        sendBufferBytes: server.sendBufferBytes,
        runTimeoutSeconds: agent.runTimeoutSeconds,
        ...limits
      }
    }
  }

  /** Why no work should be sent here, or undefined. */
  async unready(): Promise<string | undefined> {
    if (this.#closing) return 'shutting down'
    const now = performance.now()
    // A probe is a commit, and anyone may ask: at most one a second.
    if (this.#probe === undefined || now - this.#probe.at >= PROBE_MS) this.#probe = { at: now, reason: this.#probeDatabase() }
    return await this.#probe.reason
  }

  async #probeDatabase(): Promise<string | undefined> {
    return await this.#app.db.ready().then(
      () => undefined,
      (err) => {
        this.#app.log.error({ err }, 'the database does not take writes')
        return 'the database does not take writes'
      }
    )
  }

  /** Ends readiness and sends the event `shutdown` to the connections that asked for it. */
  closing(): void {
    this.#closing = true
    this.#app.connections.notify('shutdown', { graceMs: this.#app.config.server.shutdownGraceSeconds * 1000 })
  }
}
