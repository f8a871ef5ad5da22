import type { TestContext } from 'node:test'
import { type Db, open } from '../../../db/client.ts'
import { Nodes, type NodesOptions } from '../../../plugins/nodes/nodes.ts'
import { Vault } from '../../../plugins/nodes/vault.ts'
import type { Caller, Peer } from '../../../rpc/define.ts'
import { build, type ConnectOptions, connect, type TestClient, type TestGateway } from '../../helper.ts'

export const ON = {
  enabled: true,
  featureGates: { 'ui.canvas': true, notifications: true, 'camera.snap': false },
  location: { enabled: true },
  push: { enabled: true }
}

/** A gateway with nodes; `server` besides. */
export function gateway(t: TestContext, server: object = {}, dataDir?: string): Promise<TestGateway> {
  return build(t, { config: { ...(dataDir && { dataDir }), server: { nodes: ON, ...server } } })
}

export const DESKTOP = {
  nodeId: 'companion-desktop',
  role: 'companion',
  protocolVersion: 1,
  capabilities: ['ui.canvas', 'notifications']
}

/** A client that is registered as a node. */
export async function node(
  t: TestContext,
  url: string,
  params: Partial<typeof DESKTOP> = {},
  options: ConnectOptions = {}
): Promise<TestClient> {
  const client = await connect(t, url, options)
  await client.call('node.register', { ...DESKTOP, ...params })
  return client
}

/** A connection without a socket. */
export class FakePeer implements Peer {
  readonly id: string
  readonly events = new Set<string>()
  sessionId: string
  /** Why it was closed, each time. */
  readonly closings: number[] = []
  #gone = false
  readonly #farewells: (() => void)[] = []

  constructor(id: string) {
    this.id = id
    this.sessionId = `ws:${id}`
  }

  close(code: number): void {
    this.closings.push(code)
  }

  onClose(fn: () => void): void {
    if (this.#gone) fn()
    else this.#farewells.push(fn)
  }

  /** The socket is gone. */
  end(): void {
    this.#gone = true
    for (const farewell of this.#farewells.splice(0)) farewell()
  }

  /** Those who want to be told of the end. */
  get listeners(): number {
    return this.#farewells.length
  }
}

const ANN: Caller = { id: 'token:ann', scopes: new Set(['node']) }

/** The core without a gateway around it, on a database in memory. */
export async function core(
  t: TestContext,
  options: Partial<NodesOptions> = {}
): Promise<{ nodes: Nodes; db: Db; register(nodeId: string, connection?: FakePeer): Promise<FakePeer> }> {
  const db = await open({ file: ':memory:' })
  t.after(() => db.close())
  const nodes = new Nodes({
    config: () => ({ ...ON, allowedRoles: ['companion'] }),
    store: db.nodes,
    vault: new Vault(),
    audit: { record: () => {} },
    log: { warn: () => {} },
    ...options
  })
  return {
    nodes,
    db,
    async register(nodeId, connection = new FakePeer(nodeId)) {
      const { signal } = new AbortController()
      await nodes.register({ ...DESKTOP, nodeId }, { connection, caller: ANN, signal, invoke: () => {} })
      return connection
    }
  }
}
