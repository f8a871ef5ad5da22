import type { Static } from '@sinclair/typebox'
import type { FastifyBaseLogger } from 'fastify'
import type { NodeRow, NodeStore, StoredCapability, StoredLocation, StoredPush } from '../../db/client.ts'
import { KeyedMutex } from '../../lanes/keyed-mutex.ts'
import type { Caller, Peer } from '../../rpc/define.ts'
import { invalidParams, RpcError } from '../../rpc/errors.ts'
import { type Check, checkOf, schemaEngine } from '../../rpc/json-schema.ts'
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
  type Forgotten,
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

/** Nodes that an error names. */
const MAX_NAMED = 20

export interface NodesOptions {
  /** Configuration in force. */
  readonly config: () => NodesConfig
  readonly store: NodeStore
  readonly vault: Vault
  readonly audit: Pick<Audit, 'record'>
  readonly log: Pick<FastifyBaseLogger, 'warn'>
  /** Limit on stored nodes, and on connected ones. */
  readonly max?: number
  readonly now?: () => number
  /** Called when a node has come, gone, or reported something. Must not throw. */
  readonly onChanged?: (nodeId: string, change: NodeChange) => void
}

export type NodeChange = 'registered' | 'updated' | 'left' | 'forgotten'

/** Connection and caller that register a node. */
export interface Registrant {
  readonly connection: Peer
  readonly caller: Caller
  /** Aborted when the connection is gone. */
  readonly signal: AbortSignal
  readonly invoke: Registration['invoke']
}

/** Companion devices: their registrations, reports and calls. */
export class Nodes {
  /** Services that reach a device by its push token, by the name of the provider. */
  readonly pushServices = new NamedRegistry<PushService>('push service')
  readonly #options: Required<NodesOptions>
  readonly #registrations: Registrations
  readonly #calls = new Calls()
  /** Registrations and removals of one node, in their order. */
  readonly #order = new KeyedMutex()

  constructor(options: NodesOptions) {
    this.#options = { max: MAX_NODES, now: Date.now, onChanged: () => {}, ...options }
    this.#registrations = new Registrations({
      max: this.#options.max,
      onLeft: ({ connection, node }, why) => {
        this.#calls.abandon(connection, node.id, why)
        this.#options.onChanged(node.id, 'left')
      }
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
    const { offers } = agreed
    const checks = await checksOf(offers)
    return await this.#order.run(id, async () => {
      this.#registrations.admit(connection, id)
      const keep = this.#registrations.ids()
      const anyOwner = allows(caller, 'admin')
      const known = { id, owner: caller.id, anyOwner, role, capabilities: offers, now: now(), keep, cap: max }
      if (!(await store.register(known))) {
        audit.record('node.refused', caller.id, { nodeId: id })
        throw new RpcError(
          'AuthFailed',
          `The node ${id} was registered with another credential: only that one, or an admin, may`,
          {
            statusCode: 403
          }
        )
      }
      // A later connection must not lose the node to one that is already gone.
      if (signal.aborted) throw new RpcError('RequestCancelled', 'The connection was closed before the node was registered')
      this.#registrations.add({ ...agreed, connection, invoke, registeredAt: now(), checks })
      this.#options.onChanged(id, 'registered')
      const { node, protocol, capabilities } = agreed
      return { registered: true as const, node, protocol, capabilities }
    })
  }

  /**
   * Forgets a node with all it reported: the next credential that registers it owns it. A connected one is closed with 1008, so that it
   * does not come back by itself.
   * @throws RpcError InvalidRequest for a node that is not known
   */
  async forget(nodeId: string, { actor }: { readonly actor: string }): Promise<Static<typeof Forgotten>> {
    return await this.#order.run(nodeId, async () => {
      const known = await this.#options.store.forget(nodeId)
      const disconnected = this.#registrations.dismiss(nodeId, 'it was forgotten', 'the node was forgotten')
      if (!known && !disconnected) throw invalidParams([{ path: 'params.nodeId', message: 'must be a node that is known' }])
      this.#options.audit.record('node.forget', actor, { nodeId, disconnected })
      this.#options.onChanged(nodeId, 'forgotten')
      return { nodeId, forgotten: true as const, disconnected }
    })
  }

  /**
   * Applies a changed configuration: its gates to the declared capabilities of all nodes; a node whose role it does not allow is
   * disconnected.
   */
  renegotiate(): void {
    const { allowedRoles, featureGates } = this.#options.config()
    for (const id of this.#registrations.ids()) {
      const registration = this.#registrations.node(id)!
      const { connection, node, offers } = registration
      if (!allowedRoles.includes(node.role)) connection.close(CLOSE_POLICY, 'the role of the node is no longer allowed')
      else this.#registrations.add({ ...registration, capabilities: underGates(offers, featureGates) })
    }
  }

  /** Registration of the connection, if it has one. */
  of(connection: Peer | undefined): Registration | undefined {
    return connection && this.#registrations.of(connection)
  }

  /** @throws RpcError InvalidRequest when the connection is no node, as every method below that takes a connection */
  negotiated(connection: Peer): Static<typeof Negotiated> {
    const { node, protocol, capabilities } = this.#registered(connection)
    return { node, protocol, capabilities }
  }

  async setLocation(connection: Peer, params: Static<typeof LocationParams>): Promise<Static<typeof LocationSet>> {
    const { node } = this.#registered(connection, 'location')
    const receivedAt = this.#options.now()
    const location = { capturedAt: receivedAt, ...params, receivedAt }
    await this.#options.store.setLocation(node.id, location)
    this.#options.onChanged(node.id, 'updated')
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
    this.#options.onChanged(node.id, 'updated')
    return { updated: true, node, status }
  }

  /** The token is stored sealed, and leaves the gateway as a preview only. */
  async setPushToken(connection: Peer, params: Static<typeof PushTokenParams>): Promise<Static<typeof PushTokenSet>> {
    const { node } = this.#registered(connection, 'push')
    const { store, vault, now } = this.#options
    const token = checkedToken(params)
    const push: StoredPush = { ...params, token: vault.seal(token, placeOf(node.id)), updatedAt: now() }
    await store.setPush(node.id, push, digestOf(params.provider, token))
    this.#options.onChanged(node.id, 'updated')
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
   * Calls a capability of a connected node, and waits for its answer.
   * @param actor caller in the audit log; absent where the call is recorded already
   * @throws RpcError InvalidRequest when the node is not connected or cannot do it, and what `Calls.start` throws
   */
  async invoke(
    { nodeId, capability, args = {}, timeoutMs = CALL_TIMEOUT_MS }: Static<typeof InvokeParams>,
    { actor, signal }: { readonly actor?: string; readonly signal: AbortSignal }
  ): Promise<Static<typeof Invoked>> {
    requireEnabled(this.#options.config())
    const registration = this.#registrations.node(nodeId)
    if (!registration) {
      const ids = this.#registrations.ids()
      const known = ids.length > 0 ? `; connected: ${ids.slice(0, MAX_NAMED).join(', ')}` : '; none is'
      throw invalidParams([{ path: 'params.nodeId', message: `must be a node that is connected${known}` }])
    }
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

  /** Encrypts tokens that were stored before there was a key, and logs the number of those that cannot be read with it. */
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

  /** Nodes that are connected now, by id. */
  connected(): Registration[] {
    return this.#registrations
      .ids()
      .sort()
      .map((id) => this.#registrations.node(id)!)
  }

  #described({
    id,
    role,
    owner,
    seenAt,
    capabilities,
    location,
    status,
    push
  }: NodeRow): Static<typeof NodeList>['nodes'][number] {
    const live = this.#registrations.node(id)
    const offers = live?.offers ?? capabilities
    return {
      id,
      role,
      connected: live !== undefined,
      owner,
      seenAt,
      ...(live && {
        connectionId: live.connection.id,
        registeredAt: live.registeredAt,
        protocol: live.protocol
      }),
      ...(offers && { capabilities: underGates(offers, this.#options.config().featureGates) }),
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

/** Checks of arguments by the schemas of a node. The engine is the registration's own, so that it keeps no schema longer. */
async function checksOf(offers: readonly StoredCapability[]): Promise<ReadonlyMap<string, Check>> {
  const described = offers.flatMap(({ name, params }) => (params ? [{ name, params }] : []))
  if (described.length === 0) return new Map()
  const engine = await schemaEngine()
  return new Map(described.map(({ name, params }) => [name, checkOf({ type: 'object', ...params }, engine)]))
}
