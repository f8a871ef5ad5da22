import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { Lanes } from '../../../lanes/lanes.ts'
import { MemoryDriver } from '../../../lanes/memory.ts'
import type { Turn } from '../../../lanes/turn.ts'
import { CONFIRM_MS } from '../../../plugins/confirmations/confirmations.ts'
import { ANN, OPERATOR, peer, rig } from './fixtures.ts'

type Deed = 'approve' | 'deny' | 'operator approves' | 'ann leaves' | 'operator leaves' | 'expire' | 'cancel'
const DEEDS: readonly Deed[] = ['approve', 'deny', 'operator approves', 'ann leaves', 'operator leaves', 'expire', 'cancel']

/** What becomes of the call, said apart from the code that decides it: the first deed that decides it does. */
function expected(deeds: readonly Deed[]): 'approved' | 'refused' | 'stopped' | 'waits' {
  const there = new Set(['ann', 'operator'])
  for (const deed of deeds) {
    if (deed === 'approve' && there.has('ann')) return 'approved'
    if (deed === 'operator approves' && there.has('operator')) return 'approved'
    if (deed === 'deny' && there.has('ann')) return 'refused'
    if (deed === 'expire') return 'refused'
    if (deed === 'cancel') return 'stopped'
    if (deed === 'ann leaves') there.delete('ann')
    if (deed === 'operator leaves') there.delete('operator')
    if (there.size === 0) return 'refused'
  }
  return 'waits'
}

/** Lets everything happen that can. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('whatever is done in whatever order, a call has one end, runs once if it was approved and never otherwise, and frees its lane', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.constantFrom(...DEEDS), fc.boolean()), { maxLength: 8 }),
      async (script: readonly (readonly [Deed, boolean])[]) => {
        const { confirmations, clock, pass, timers, recorded } = rig()
        const [ann, operator] = [peer(), peer()]
        confirmations.callbacks.add(ann, ANN, 'a:1', () => {})
        confirmations.callbacks.add(operator, OPERATOR, 'a:1', () => {})
        let callId = ''
        let runs = 0
        const ends: string[] = []
        const lanes = new Lanes<string, void>({
          clock,
          driver: new MemoryDriver(),
          maxConcurrentRuns: 1,
          runTimeoutMs: 10 * CONFIRM_MS,
          abandonAfterMs: 1000,
          async run(turn: Turn<string>) {
            if (turn.laneId !== 'a:1') return
            const { signal } = turn
            const asked = confirmations.ask({ sessionId: 'a:1', runId: 'r1', owner: ANN.id, tool: 't.t', args: {}, signal })
            assert.ok('decision' in asked)
            callId = asked.callId
            void asked.decision.then(({ approved }) => ends.push(approved ? 'approved' : 'refused'))
            if ((await turn.pause(() => asked.decision)).approved) runs++
          }
        })
        const policy = { mode: 'followup', cap: 5, overflow: 'drop_new', debounceMs: 0, summarizeOverflow: false } as const
        const message = { id: 'm1', owner: ANN.id, priority: 'person', policy, payload: '', acceptedAt: 0 } as const
        const { settled } = await lanes.send('a:1', message)
        const end = settled.then(
          () => 'done',
          () => 'stopped'
        )
        await settle()
        // It holds no slot while it waits: with one slot in all, another lane has its turn.
        await (await lanes.send('a:2', { ...message, id: 'm2' })).settled

        const acts: Record<Deed, () => void> = {
          approve: () => confirmations.answer(ann, ANN, { callId, approve: true }),
          deny: () => confirmations.answer(ann, ANN, { callId, approve: false }),
          'operator approves': () => confirmations.answer(operator, OPERATOR, { callId, approve: true }),
          'ann leaves': () => ann.gone(),
          'operator leaves': () => operator.gone(),
          expire: () => pass(CONFIRM_MS),
          cancel: () => void lanes.cancel('a:1')
        }
        let answered = 0
        for (const [deed, wait] of script) {
          try {
            acts[deed]()
            if (deed === 'approve' || deed === 'deny' || deed === 'operator approves') answered++
          } catch (error) {
            assert.ok([-2, -5].includes((error as { code: number }).code), String(error))
          }
          if (wait) await settle()
        }
        const fate = expected(script.map(([deed]) => deed))
        await settle()
        if (fate === 'waits') {
          assert.deepEqual([ends, runs, confirmations.size], [[], 0, 1])
          pass(CONFIRM_MS)
        }
        const how = await end
        await settle()
        assert.equal(ends.length, 1)
        // A cancel right behind the approval may come before the run.
        const cancelled = script.some(([deed]) => deed === 'cancel')
        if (fate === 'approved') assert.ok(runs === 1 || (cancelled && runs === 0 && how === 'stopped'))
        else assert.equal(runs, 0)
        assert.equal(ends[0], fate === 'approved' ? 'approved' : 'refused')
        if (fate === 'stopped') assert.equal(how, 'stopped')
        assert.ok(answered <= 1, 'no id is answered twice')
        assert.equal(recorded.length, answered)
        // Nothing is left of it.
        assert.deepEqual([confirmations.size, timers.size, lanes.size], [0, 0, 0])
        await lanes.close(0)
      }
    ),
    { numRuns: 300 }
  )
})
