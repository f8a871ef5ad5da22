import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { open } from '../../../db/client.ts'
import { Lanes } from '../../../lanes/lanes.ts'
import { MemoryDriver } from '../../../lanes/memory.ts'
import type { QueuePolicy, Ticket } from '../../../lanes/message.ts'
import type { Turn } from '../../../lanes/turn.ts'
import commandsPlugin, { type Commands } from '../../../plugins/commands/index.ts'
import { ContextManager } from '../../../plugins/context/index.ts'
import type { GatewayInstance } from '../../../plugins/define.ts'
import * as methods from '../../../plugins/lanes/methods.ts'
import { Policies, type PolicyConfig } from '../../../plugins/lanes/policies.ts'
import { RecentDrops } from '../../../plugins/lanes/recent-drops.ts'
import { SessionQueues } from '../../../plugins/lanes/session-queues.ts'
import type { Caller, Context, Scope } from '../../../rpc/define.ts'
import { Registry } from '../../../rpc/registry.ts'
import { hold } from '../../helper.ts'

export type Payload = { readonly kind: 'message'; preview: string } | { readonly kind: 'work'; run(turn: Turn<Payload>): unknown }

export const DEFAULT: QueuePolicy = { mode: 'followup', cap: 20, overflow: 'drop_old', debounceMs: 250, summarizeOverflow: true }

export function caller(id: string, ...scopes: Scope[]): Caller {
  return { id, scopes: new Set(scopes) }
}

export const ANN = caller('token:ann', 'read', 'write')
export const BOB = caller('token:bob', 'read', 'write')
export const OPERATOR = caller('token:op', 'read', 'write', 'operate')

/** Commands and methods over real lanes and a real database. A message runs until `finish` is called, or it is aborted. */
export async function rig(t: TestContext, config: Partial<PolicyConfig> = {}) {
  const db = await open({ file: ':memory:' })
  let now = 1_739_448_000_000
  let finish = Promise.withResolvers<void>()
  const lanes = new Lanes<Payload, unknown>({
    clock: {
      now: () => now,
      after(ms, fn) {
        const timer = setTimeout(fn, ms).unref()
        return () => clearTimeout(timer)
      }
    },
    maxConcurrentRuns: 4,
    runTimeoutMs: 60_000,
    abandonAfterMs: 5000,
    driver: new MemoryDriver(),
    run(turn) {
      const { payload } = turn.messages[0]!
      if (payload.kind === 'work') return payload.run(turn)
      const aborted = new Promise((_, reject) => turn.signal.addEventListener('abort', () => reject(turn.signal.reason)))
      return Promise.race([finish.promise, aborted])
    }
  })
  const policies = new Policies({ config: { default: DEFAULT, channels: {}, ...config }, db, now: () => now })
  let ids = 0
  const send = async (sessionId: string, owner: Caller, payload: Payload): Promise<Ticket<unknown> & { id: string }> => {
    const id = `m${++ids}`
    const message = { id, owner: owner.id, priority: 'person', policy: DEFAULT, payload, acceptedAt: now } as const
    const ticket = await lanes.send(sessionId, message)
    return { ...ticket, id }
  }
  const run = async (sessionId: string, work: { owner: string; run(): unknown }) => {
    const ticket = await send(sessionId, caller(work.owner), { kind: 'work', run: work.run })
    const { value } = await ticket.settled
    return value
  }
  const rpc = new Registry()
  const app = {
    db,
    rpc,
    lanes: Object.assign(lanes, {
      policies,
      queues: new SessionQueues({ lanes, policies, sessions: db.sessions, drops: new RecentDrops(), now: () => now }),
      run
    }),
    config: { agent: { contextThresholdPct: 80 } },
    providers: {
      tiers: () => ['default', 'fast'],
      describe: () => ({ provider: 'anthropic', model: 'claude', contextWindow: 1000, offline: false })
    },
    decorate: (name: string, value: unknown) => Object.assign(app, { [name]: value })
  } as unknown as GatewayInstance & { commands: Commands }
  Object.assign(app, { context: new ContextManager(app) })
  await commandsPlugin(app as never, {})
  t.after(async () => {
    await lanes.close(0)
    await db.close()
  })
  // Until the rest has ended.
  hold(t)

  for (const method of Object.values(methods)) rpc.method(method)
  return {
    app,
    db,
    lanes,
    policies,
    send,
    /** A message of `owner`, its text being `text`. */
    say: (sessionId: string, owner: Caller, text = 'hello') => send(sessionId, owner, { kind: 'message', preview: text }),
    /** Lets what runs, and everything that comes, end by itself. */
    finish: () => finish.resolve(),
    hold() {
      finish = Promise.withResolvers()
    },
    /** Time goes by, for whoever asks for it. */
    later(ms: number) {
      now += ms
    },
    /** Gives a command as a message. */
    async give(message: string, from: Caller = ANN, sessionId = 'telegram:1'): Promise<string> {
      const invocation = app.commands.find(message)
      assert.ok(invocation, `${message} is no command`)
      return await app.commands.run(invocation, { caller: from, sessionId })
    },
    /** The answer of a method as a client reads it: through the checks of the params and the schema of the result. */
    async call(name: string, params: unknown, from: Caller = ANN, connection?: { sessionId: string }) {
      const context = { app, caller: from, connection } as unknown as Context
      return JSON.parse(rpc.encode(name, await rpc.call(name, params, context)))
    }
  }
}

/** The code of what a promise fails with. */
export async function failure(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => assert.fail('it did not fail'),
    (error: { code: unknown }) => error.code
  )
}
