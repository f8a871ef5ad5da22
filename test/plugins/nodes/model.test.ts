import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { Nodes } from '../../../plugins/nodes/nodes.ts'
import { Vault } from '../../../plugins/nodes/vault.ts'
import type { Scope } from '../../../rpc/define.ts'
import { core, DESKTOP, FakePeer, ON } from './fixtures.ts'

const PEERS = 4
const NODE_IDS = ['a', 'b', 'c']
const CALLERS: Record<string, Scope[]> = { 'token:ann': ['node'], 'token:bob': ['node'], 'token:root': ['admin'] }

/** Which connection should be which node, said apart from the code that decides it. */
class Model {
  readonly owner = new Map<string, string>()
  readonly is = new Map<number, string>()
  readonly dismissed = new Set<number>()
  readonly gone = new Set<number>()

  /** The code of the error it should end with. */
  register(peer: number, id: string, caller: string): number | undefined {
    if (this.dismissed.has(peer)) return -2
    const owner = this.owner.get(id)
    if (owner === undefined) this.owner.set(id, caller)
    else if (owner !== caller && !CALLERS[caller]!.includes('admin')) return -5
    if (this.gone.has(peer)) return 4
    for (const [other, held] of this.is) if (held === id && other !== peer) this.dismiss(other)
    this.is.set(peer, id)
    return undefined
  }

  /** False: the node is not known. */
  forget(id: string): boolean {
    const holder = this.holderOf(id)
    if (holder !== undefined) this.dismiss(holder)
    return this.owner.delete(id)
  }

  dismiss(peer: number): void {
    this.is.delete(peer)
    this.dismissed.add(peer)
  }

  close(peer: number): void {
    this.gone.add(peer)
    this.is.delete(peer)
  }

  holderOf(id: string): number | undefined {
    return [...this.is].find(([, held]) => held === id)?.[0]
  }
}

const peer = fc.nat(PEERS - 1)
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      act: fc.constant('register'),
      peer,
      id: fc.constantFrom(...NODE_IDS),
      caller: fc.constantFrom(...Object.keys(CALLERS))
    })
  },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('close'), peer }) },
  { weight: 3, arbitrary: fc.record({ act: fc.constant('invoke'), id: fc.constantFrom(...NODE_IDS) }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('forget'), id: fc.constantFrom(...NODE_IDS) }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('answer'), peer }) },
  /** A new socket in the place of one that is gone. */
  { weight: 2, arbitrary: fc.record({ act: fc.constant('reconnect'), peer }) }
)

test('each node is one connection, and each call ends once', async (t) => {
  const { db } = await core(t)
  let run = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      // Nodes of their own for each run: the database is the same.
      const prefix = `${run++}.`
      const nodes = new Nodes({
        config: () => ({ ...ON, allowedRoles: ['companion'] }),
        store: db.nodes,
        vault: new Vault(),
        audit: { record: () => {} },
        log: { warn: () => {} }
      })
      const model = new Model()
      let sockets = 0
      const fresh = () => ({ peer: new FakePeer(`${sockets++}`), gone: new AbortController(), asked: [] as string[] })
      const all = Array.from({ length: PEERS }, fresh)
      const indexes: number[] = all.map((_, index) => index)
      /** How each call ended, by its number: how often, and what it was told. */
      const calls: { readonly to: number; ends: number; told?: unknown; readonly done: Promise<void> }[] = []

      for (const [number, step] of steps.entries()) {
        if (step.act === 'register') {
          const { peer, gone, asked } = all[step.peer]!
          const expected = model.register(indexes[step.peer]!, step.id, step.caller)
          const told = await nodes
            .register(
              { ...DESKTOP, nodeId: prefix + step.id },
              {
                connection: peer,
                caller: { id: step.caller, scopes: new Set(CALLERS[step.caller]) },
                signal: gone.signal,
                invoke: ({ callId }) => void asked.push(callId)
              }
            )
            .then(
              () => undefined,
              ({ code }) => code
            )
          assert.equal(told, expected)
        } else if (step.act === 'close') {
          model.close(indexes[step.peer]!)
          all[step.peer]!.gone.abort()
          all[step.peer]!.peer.end()
        } else if (step.act === 'reconnect') {
          if (!model.gone.has(indexes[step.peer]!)) continue
          all[step.peer] = fresh()
          indexes[step.peer] = PEERS + number
        } else if (step.act === 'forget') {
          const known = model.forget(step.id)
          const forgotten = await nodes.forget(prefix + step.id, { actor: 'token:root' }).then(
            () => true,
            () => false
          )
          assert.equal(forgotten, known)
        } else if (step.act === 'invoke') {
          const holder = model.holderOf(step.id)
          const call = { to: holder ?? -1, ends: 0, told: undefined as unknown, done: Promise.resolve() }
          const end = (told: unknown): void => void Object.assign(call, { ends: call.ends + 1, told })
          call.done = nodes
            .invoke({ nodeId: prefix + step.id, capability: 'notifications' }, { signal: new AbortController().signal })
            .then(end, ({ code }) => end(code))
          calls.push(call)
        } else {
          const { peer, asked } = all[step.peer]!
          const callId = asked.shift()
          if (callId === undefined || !model.is.has(indexes[step.peer]!)) continue
          const before = calls.filter(({ ends }) => ends > 0).length
          try {
            nodes.answer(peer, { callId, ok: true })
          } catch {
            // It became another node meanwhile, and was asked as the one it was before.
          }
          await new Promise(setImmediate)
          assert.ok(calls.filter(({ ends }) => ends > 0).length <= before + 1)
        }
        await new Promise(setImmediate)

        const listed = (await nodes.list({ includeOffline: false })).filter(({ id }) => id.startsWith(prefix))
        assert.deepEqual(
          listed.map(({ id }) => id),
          [...model.is.values()].map((id) => prefix + id).sort()
        )
        for (const [index, { peer }] of all.entries()) {
          const name = indexes[index]!
          const held = model.is.get(name)
          assert.equal(nodes.of(peer)?.node.id, held === undefined ? undefined : prefix + held)
          assert.deepEqual(peer.closings, model.dismissed.has(name) ? [1008] : [])
          assert.ok(peer.listeners <= 1, 'one listener a connection, however often it registers')
        }
        // A call waits exactly while the connection that was asked is still that node.
        for (const { to, ends } of calls) {
          assert.ok(ends <= 1)
          if (to === -1 || !model.is.has(to)) assert.equal(ends, 1)
        }
      }
      for (const { peer, gone } of all) {
        gone.abort()
        peer.end()
      }
      await Promise.all(calls.map(({ done }) => done))
      assert.ok(calls.every(({ ends }) => ends === 1))
    }),
    { numRuns: 150 }
  )
})
