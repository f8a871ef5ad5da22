import type { Static } from '@sinclair/typebox'
import type { FastifyBaseLogger } from 'fastify'
import type { NodeRow, NodeStore, StoredLocation, StoredPush } from '../../db/client.ts'
import type { Caller, Peer } from '../../rpc/define.ts'
import { invalidParams, RpcError } from '../../rpc/errors.ts'
import { allows } from '../../rpc/registry.ts'
import type { Audit } from '../audit/index.ts'
import { NamedRegistry } from '../define.ts'
import { Calls } from './calls.ts'
import { type NodesConfig, negotiate, requireEnabled, underGates } from './policy.ts'
import type { PushService, PushTarget } from './push.ts'
import { checkedToken, digestOf, placeOf, shown } from './push-tokens.ts'
import { CLOSE_POLICY, type Registration, Registrations } from './registrations.ts'
import {
  CALL_TIMEOUT_MS,
  type Invoked,
  type InvokeParams,
  type LocationGot,
  type LocationParams,
  type LocationSet,
  type Locations,
  MAX_NODES,
  type Negotiated,
  type NodeList,
  type Pushed,
  type PushParams,
  type PushTokenParams,
  type PushTokenSet,
  type Registered,
  type RegisterParams,
  type ResultParams,
  type StatusParams,
  type StatusSet
} from './schema.ts'
import type { Vault } from './vault.ts'

export interface NodesOptions {
  /** Asked each time: another configuration may be in force by then. */
  readonly config: () => NodesConfig
  readonly store: NodeStore
  readonly vault: Vault
  readonly audit: Pick<Audit, 'record'>
  readonly log: Pick<FastifyBaseLogger, 'warn'>
  /** Nodes that are remembered, and that may be connected at once. */
  readonly max?: number
  readonly now?: () => number
}

/** Connection and caller that register a node. */
export interface Registrant {
  readonly connection: Peer
  readonly caller: Caller
  /** Aborted when the connection is gone. */
  readonly signal: AbortSignal
  readonly invoke: Registration['invoke']
}

/** Companion devices: who is connected as which, what they told, and what they are asked to do. */
export class Nodes {
  /** Those that reach a device by its token, by the name of the provider. */
  readonly pushServices = new NamedRegistry<PushService>('push service')
  readonly #options: Required<NodesOptions>
  readonly #registrations: Registrations
  readonly #calls = new Calls()

  constructor(options: NodesOptions) {
    this.#options = { max: MAX_NODES, now: Date.now, ...options }
    this.#registrations = new Registrations({
      max: this.#options.max,
      onLeft: ({ connection, node }, why) => this.#calls.abandon(connection, node.id, why)
    })
  }

  /**
   * Registers the connection as a node. An earlier connection of that node is closed.
   * @throws RpcError InvalidRequest for what the configuration does not allow, AuthFailed for a node of another credential,
   * AgentBusy when there are too many, RequestCancelled when the connection is gone
   */
  async register(
    params: Static<typeof RegisterParams>,
    { connection, caller, signal, invoke }: Registrant
  ): Promise<Static<typeof Registered>> {
    const { store, audit, max, now } = this.#options
    const config = this.#options.config()
    requireEnabled(config)
    const agreed = negotiate(params, config)
    const { id, role } = agreed.node
    this.#registrations.admit(connection, id)
    const keep = this.#registrations.ids()
    const anyOwner = allows(caller, 'admin')
    const allowed = await store.register({ id, owner: caller.id, anyOwner, role, now: now(), keep, cap: max })
    if (!allowed) {
      audit.record('node.refused', caller.id, { nodeId: id })
      throw new RpcError('AuthFailed', `The node ${id} was registered with another credential: only that one, or an admin, may`, {
        statusCode: 403
      })
    }
    // A later connection must not lose the node to one that is already gone.
    if (signal.aborted) throw new RpcError('RequestCancelled', 'The connection was closed before the node was registered')
    this.#registrations.add({ ...agreed, connection, invoke, registeredAt: now() })
    return { registered: true, ...agreed }
  }

  /**
   * Another configuration is in force: what nodes have declared is measured by its gates, and who has a role that it does not allow
   * is sent away.
   */
  renegotiate(): void {
    const { allowedRoles, featureGates } = this.#options.config()
    for (const id of this.#registrations.ids()) {
      const registration = this.#registrations.node(id)!
      const { connection, node, capabilities } = registration
      if (!allowedRoles.includes(node.role)) connection.close(CLOSE_POLICY, 'the role of the node is no longer allowed')
      else this.#registrations.add({ ...registration, capabilities: underGates(capabilities.declared, featureGates) })
    }
  }

  /** Registration of the connection, if it has one. */
  of(connection: Peer | undefined): Registration | undefined {
    return connection && this.#registrations.of(connection)
  }

  /** @throws RpcError InvalidRequest, as everything below that is given a connection, when it is no node */
  negotiated(connection: Peer): Static<typeof Negotiated> {
    const { node, protocol, capabilities } = this.#registered(connection)
    return { node, protocol, capabilities }
  }

  async setLocation(connection: Peer, params: Static<typeof LocationParams>): Promise<Static<typeof LocationSet>> {
    const { node } = this.#registered(connection, 'location')
    const receivedAt = this.#options.now()
    const location = { capturedAt: receivedAt, ...params, receivedAt }
    await this.#options.store.setLocation(node.id, location)
    return { updated: true, node, location }
  }

  async getLocation(connection: Peer): Promise<Static<typeof LocationGot>> {
    const { node } = this.#registered(connection, 'location')
    const row = await this.#options.store.get(node.id)
    return { node, location: row?.location ?? null }
  }

  async setStatus(connection: Peer, params: Static<typeof StatusParams>): Promise<Static<typeof StatusSet>> {
    const { node } = this.#registered(connection)
    const status = { ...params, updatedAt: this.#options.now() }
    await this.#options.store.setStatus(node.id, status)
    return { updated: true, node, status }
  }

  /** The token is stored sealed, and leaves the gateway as a preview only. */
  async setPushToken(connection: Peer, params: Static<typeof PushTokenParams>): Promise<Static<typeof PushTokenSet>> {
    const { node } = this.#registered(connection, 'push')
    const { store, vault, now } = this.#options
    const token = checkedToken(params)
    const push: StoredPush = { ...params, token: vault.seal(token, placeOf(node.id)), updatedAt: now() }
    await store.setPush(node.id, push, digestOf(params.provider, token))
    return { updated: true, node, push: shown({ id: node.id, push }, vault) }
  }

  /**
   * Sends a push notification to a node, by the token it has set. A token that the service calls gone is removed.
   * @throws RpcError InvalidRequest when the node has no token, or the service is not configured or does not take such a message
   */
  async push(
    { nodeId, title, body, data }: Static<typeof PushParams>,
    { actor, signal }: { readonly actor: string; readonly signal: AbortSignal }
  ): Promise<Static<typeof Pushed>> {
    const { config, store, vault, audit } = this.#options
    requireEnabled(config(), 'push')
    if (title === undefined && body === undefined && data === undefined) {
      throw invalidParams([{ path: 'params.title', message: 'is missing: a push has a title, a body or data' }])
    }
    const row = await store.get(nodeId)
    if (!row?.push || row.pushDigest === null) {
      throw invalidParams([{ path: 'params.nodeId', message: 'must be a node that has set a push token' }])
    }
    const { provider, environment, topic, updatedAt } = row.push
    const token = vault.open(row.push.token, placeOf(nodeId))
    if (token === undefined) {
      throw new RpcError('InvalidRequest', `The push token of ${nodeId} cannot be read: the node has to set it again`)
    }
    const target = { token, environment, topic }
    const service = this.#pushService(provider, target)
    const sent = await service.send(target, { title, body, data }, signal)
    const delivered = 'id' in sent
    const removable = !delivered && sent.gone !== undefined && updatedAt < (sent.gone.since ?? Number.POSITIVE_INFINITY)
    const tokenRemoved = removable && (await store.removePush(nodeId, row.pushDigest))
    audit.record('node.push', actor, { nodeId, provider, delivered, ...(delivered ? {} : { reason: sent.reason }) })
    if (delivered) return { nodeId, provider, delivered, ...(sent.id === undefined ? {} : { messageId: sent.id }) }
    const { reason, retryable = false, retryAfterMs } = sent
    return {
      nodeId,
      provider,
      delivered,
      reason,
      tokenRemoved,
      retryable,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs })
    }
  }

  /**
   * Has a connected node do something, and waits for what it says.
   * @param actor who is recorded as having done that; absent where that is recorded already
   * @throws RpcError InvalidRequest when the node is not connected or cannot do it, and what `Calls.start` throws
   */
  async invoke(
    { nodeId, capability, args = {}, timeoutMs = CALL_TIMEOUT_MS }: Static<typeof InvokeParams>,
    { actor, signal }: { readonly actor?: string; readonly signal: AbortSignal }
  ): Promise<Static<typeof Invoked>> {
    requireEnabled(this.#options.config())
    const registration = this.#registrations.node(nodeId)
    if (!registration) throw invalidParams([{ path: 'params.nodeId', message: 'must be a node that is connected' }])
    const record = (success: boolean): void => {
      if (actor === undefined) return
      this.#options.audit.record('node.invoke', actor, { nodeId, capability, success, args: JSON.stringify(args) })
    }
    try {
      const answer = await this.#calls.start(registration, { capability, args, timeoutMs, signal })
      record(answer.ok)
      return answer
    } catch (cause) {
      record(false)
      throw cause
    }
  }

  /** Takes the answer of this connection's node to an `invoke` event. */
  answer(connection: Peer, params: Static<typeof ResultParams>): void {
    this.#registered(connection)
    this.#calls.answer(connection, params)
  }

  /** Last known locations, newest first. For a clock that runs ahead the time of receipt counts. */
  async locations(): Promise<Static<typeof Locations>['locations']> {
    const { store } = this.#options
    const config = this.#options.config()
    if (!config.enabled || !config.location.enabled) return []
    const takenAt = ({ capturedAt, receivedAt }: StoredLocation): number => Math.min(capturedAt, receivedAt)
    return (await store.list())
      .flatMap(({ id, role, location }) =>
        location ? [{ node: { id, role }, connected: this.#registrations.node(id) !== undefined, location }] : []
      )
      .sort(
        (one, other) => takenAt(other.location) - takenAt(one.location) || other.location.receivedAt - one.location.receivedAt
      )
  }

  async list({ includeOffline }: { readonly includeOffline: boolean }): Promise<Static<typeof NodeList>['nodes']> {
    const rows = await this.#options.store.list()
    return rows.map((row) => this.#described(row)).filter(({ connected }) => connected || includeOffline)
  }

  /** Encrypts what was stored before there was a key, and tells of what cannot be read with it. */
  async sealAll(): Promise<void> {
    const { store, vault, log } = this.#options
    let unreadable = 0
    for (const { id, push } of await store.list()) {
      if (!push) continue
      const token = vault.open(push.token, placeOf(id))
      if (token === undefined) unreadable++
      else if (vault.exposes(push.token)) await store.reseal(id, { ...push, token: vault.seal(token, placeOf(id)) })
    }
    if (unreadable > 0) {
      log.warn({ nodes: unreadable }, 'push tokens cannot be read: server.secret_key is not the one they were stored with')
    }
  }

  #described({ id, role, owner, seenAt, location, status, push }: NodeRow): Static<typeof NodeList>['nodes'][number] {
    const live = this.#registrations.node(id)
    return {
      id,
      role,
      connected: live !== undefined,
      owner,
      seenAt,
      ...(live && {
        connectionId: live.connection.id,
        registeredAt: live.registeredAt,
        protocol: live.protocol,
        capabilities: live.capabilities
      }),
      location: this.#options.config().location.enabled ? location : null,
      status,
      push: push && shown({ id, push }, this.#options.vault)
    }
  }

  #pushService(provider: string, target: PushTarget): PushService {
    const service = this.pushServices.get(provider)
    const missing = service?.missing(target) ?? [`a push service ${provider}`]
    if (service && missing.length === 0) return service
    throw new RpcError('InvalidRequest', `Not configured on this gateway: it needs ${missing.join(', ')}`)
  }

  #registered(connection: Peer, part?: 'location' | 'push'): Registration {
    requireEnabled(this.#options.config(), part)
    const registration = this.#registrations.of(connection)
    if (registration) return registration
    throw new RpcError('InvalidRequest', 'This connection is no registered node: call node.register first')
  }
}
