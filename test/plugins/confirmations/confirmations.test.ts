import assert from 'node:assert/strict'
import test from 'node:test'
import { Callbacks, MAX_CALLBACKS } from '../../../plugins/confirmations/callbacks.ts'
import { CONFIRM_MS, type Decision, MAX_WAITING } from '../../../plugins/confirmations/confirmations.ts'
import type { EventListener } from '../../../rpc/schemas/run-events.ts'
import { ANN, BOB, OPERATOR, peer, rig, START } from './fixtures.ts'

const ARGS = Object.freeze({ command: 'ls' })
const question = (changes = {}) => {
  const stop = new AbortController()
  return {
    stop: () => stop.abort(),
    question: { sessionId: 'a:1', runId: 'r1', owner: ANN.id, tool: 'shell.exec', args: ARGS, signal: stop.signal, ...changes }
  }
}

/** A question that waits: it has to be one. */
function asked(confirmations: ReturnType<typeof rig>['confirmations'], changes = {}) {
  const { question: it, stop } = question(changes)
  const answer = confirmations.ask(it)
  if ('refused' in answer) return assert.fail(answer.refused)
  return { ...answer, stop }
}

const why = (decision: Decision): string => ('why' in decision ? decision.why : 'approved')

test('with nobody there who could approve, a tool is refused at once', () => {
  const { confirmations } = rig()
  const refusal = { refused: 'Not run: shell.exec needs a confirmation, and no connected person can give it.' }
  assert.deepEqual(confirmations.ask(question().question), refusal)
  // Somebody else, without the scope, and somebody in another session.
  confirmations.callbacks.add(peer(), BOB, 'a:1', () => {})
  confirmations.callbacks.add(peer(), ANN, 'a:2', () => {})
  assert.deepEqual(confirmations.ask(question().question), refusal)
  assert.equal(confirmations.size, 0)
})

test('an approval lets the tool run once: its id is used up, and says nothing', async () => {
  const { confirmations, recorded } = rig()
  const there = peer()
  confirmations.callbacks.add(there, ANN, 'a:1', () => {})
  const { callId, expiresAt, decision } = asked(confirmations)
  assert.match(callId, /^[0-9a-f-]{36}$/)
  assert.equal(expiresAt, START + CONFIRM_MS)
  confirmations.answer(there, ANN, { callId, approve: true })
  assert.deepEqual(await decision, { approved: true })
  for (const id of [callId, 'call_1', '']) {
    assert.throws(() => confirmations.answer(there, ANN, { callId: id, approve: true }), {
      code: -2,
      message: /^params\.callId is not the id of a waiting tool call: it is unknown, was answered already, or has expired/
    })
  }
  const detail = { tool: 'shell.exec', sessionId: 'a:1', owner: ANN.id, approved: true, args: '{"command":"ls"}' }
  assert.deepEqual(recorded, [['tool.confirm', ANN.id, detail]])
  assert.equal(confirmations.size, 0)
})

test('a refusal says why, if a person does', async () => {
  const { confirmations, recorded } = rig()
  const there = peer()
  confirmations.callbacks.add(there, ANN, 'a:1', () => {})
  for (const [reason, expected] of [
    ['use ls -l', 'Not run: a person refused shell.exec: use ls -l'],
    [' ', 'Not run: a person refused shell.exec.'],
    [undefined, 'Not run: a person refused shell.exec.']
  ] as const) {
    const { callId, decision } = asked(confirmations)
    confirmations.answer(there, ANN, { callId, approve: false, reason })
    assert.equal(why(await decision), expected)
  }
  assert.deepEqual(
    recorded.map(([, , detail]) => [detail?.approved, detail?.reason]),
    [
      [false, 'use ls -l'],
      [false, ' '],
      [false, undefined]
    ]
  )
})

test('the time is over when it is over, also where the timer is late', async () => {
  const { confirmations, later, pass } = rig()
  const there = peer()
  confirmations.callbacks.add(there, ANN, 'a:1', () => {})
  const { callId, decision } = asked(confirmations)
  later(CONFIRM_MS)
  assert.throws(() => confirmations.answer(there, ANN, { callId, approve: true }), { code: -2 })
  pass(0)
  assert.equal(why(await decision), 'Not run: shell.exec was not confirmed within 120 s.')
  assert.equal(confirmations.size, 0)
})

test('only a connection with a callback in that session answers, for itself or as an operator', async () => {
  const { confirmations, recorded } = rig()
  const [ann, bob, operator, stranger] = [peer(), peer(), peer(), peer()]
  for (const [at, caller] of [
    [ann, ANN],
    [bob, BOB],
    [operator, OPERATOR]
  ] as const)
    confirmations.callbacks.add(at, caller, 'a:1', () => {})
  confirmations.callbacks.add(stranger, OPERATOR, 'a:2', () => {})
  const { callId, decision } = asked(confirmations)
  const answer = { callId, approve: true }
  assert.throws(() => confirmations.answer(bob, BOB, answer), { code: -5, message: /Only the requester of the run/ })
  assert.throws(() => confirmations.answer(stranger, OPERATOR, answer), { code: -5, message: /agent\.setToolUseCallback first/ })
  assert.throws(() => confirmations.answer(stranger, ANN, answer), { code: -5 })
  assert.equal(confirmations.size, 1)
  assert.deepEqual(recorded, [])
  confirmations.answer(operator, OPERATOR, answer)
  assert.deepEqual(await decision, { approved: true })
})

test('when the last who could approve leaves, a tool is refused at once, and not before', async () => {
  const { confirmations } = rig()
  const [ann, bob, operator] = [peer(), peer(), peer()]
  confirmations.callbacks.add(ann, ANN, 'a:1', () => {})
  confirmations.callbacks.add(bob, BOB, 'a:1', () => {})
  confirmations.callbacks.add(operator, OPERATOR, 'a:1', () => {})
  const { decision } = asked(confirmations)
  confirmations.callbacks.add(ann, ANN, 'a:1', () => {})
  operator.gone()
  assert.equal(confirmations.size, 1)
  confirmations.callbacks.remove(ann, 'a:1')
  assert.equal(why(await decision), 'Not run: the last person who could confirm shell.exec has disconnected.')
})

test('a run that is stopped takes its question with it', async () => {
  const { confirmations } = rig()
  const there = peer()
  confirmations.callbacks.add(there, ANN, 'a:1', () => {})
  const { callId, decision, stop } = asked(confirmations)
  stop()
  assert.equal((await decision).approved, false)
  assert.throws(() => confirmations.answer(there, ANN, { callId, approve: true }), { code: -2 })
  const late = question()
  late.stop()
  const already = confirmations.ask(late.question)
  assert.ok('decision' in already && (await already.decision).approved === false)
  assert.equal(confirmations.size, 0)
})

test('only so many calls wait at once', () => {
  const { confirmations } = rig()
  confirmations.callbacks.add(peer(), ANN, 'a:1', () => {})
  for (let n = 0; n < MAX_WAITING; n++) asked(confirmations)
  const full = confirmations.ask(question().question)
  assert.ok('refused' in full && full.refused.endsWith('too many calls wait for one already.'))
  assert.equal(confirmations.size, MAX_WAITING)
})

test('a connection has callbacks in only so many sessions; a second one in the same session replaces the first', () => {
  const listening = new Set<EventListener>()
  const bus = {
    subscribe(_sessionId: string, _audience: object, listener: EventListener) {
      listening.add(listener)
      return () => void listening.delete(listener)
    }
  }
  const callbacks = new Callbacks({ bus, left: () => {} })
  const there = peer()
  for (let n = 0; n < MAX_CALLBACKS; n++) callbacks.add(there, ANN, `a:${n}`, () => {})
  callbacks.add(there, ANN, 'a:0', () => {})
  assert.equal(listening.size, MAX_CALLBACKS)
  assert.throws(() => callbacks.add(there, ANN, 'a:more', () => {}), { code: 3, message: /disable one of them first/ })
  callbacks.remove(there, 'a:0')
  callbacks.remove(there, 'a:0')
  callbacks.add(there, ANN, 'a:more', () => {})
  assert.deepEqual(callbacks.of('a:0'), [])
  assert.deepEqual(callbacks.of('a:more'), [ANN])
  there.gone()
  assert.equal(listening.size, 0)
  assert.deepEqual(callbacks.of('a:more'), [])
  assert.ok(!callbacks.has(there, 'a:more'))
})

test('a connection that is gone already is told of nothing', () => {
  const { confirmations } = rig()
  const there = peer()
  there.gone()
  confirmations.callbacks.add(there, ANN, 'a:1', () => {})
  assert.ok('refused' in confirmations.ask(question().question))
})

test('an open inbox counts as a present person, and for 10 s after it has closed', async () => {
  const { confirmations, told, pass } = rig()
  const inbox = peer()
  let open = [{ peer: inbox, caller: OPERATOR }]
  confirmations.setInbox(() => open)
  const ask = () => {
    const asked = confirmations.ask({
      sessionId: 'a:1',
      runId: 'r1',
      owner: ANN.id,
      tool: 'shell.exec',
      args: {},
      signal: new AbortController().signal
    })
    assert.ok('decision' in asked, JSON.stringify(asked))
    return asked
  }
  const first = ask()
  assert.deepEqual(
    confirmations.list({ limit: 5, bytes: 1 }).confirmations.map(({ callId, runId }) => [callId, runId]),
    [[first.callId, 'r1']]
  )
  open = []
  confirmations.departed(OPERATOR)
  pass(9_999)
  assert.equal(confirmations.size, 1)
  open = [{ peer: inbox, caller: OPERATOR }]
  pass(1)
  assert.equal(confirmations.size, 1, 'it is open again')
  confirmations.answer(inbox, OPERATOR, { callId: first.callId, approve: false, reason: 'not on a Friday' })
  assert.match(JSON.stringify(await first.decision), /not on a Friday/)
  const second = ask()
  open = []
  confirmations.departed(OPERATOR)
  pass(10_000)
  assert.equal((await second.decision).approved, false)
  assert.deepEqual(
    told.map(([name]) => name),
    ['confirm.opened', 'confirm.closed', 'confirm.opened', 'confirm.closed']
  )
})

test('an inbox without the right to approve counts as no one', () => {
  const { confirmations } = rig()
  confirmations.setInbox(() => [{ peer: peer(), caller: BOB }])
  const question = { sessionId: 'a:1', runId: 'r1', owner: ANN.id, tool: 'shell.exec', args: {} }
  assert.ok('refused' in confirmations.ask({ ...question, signal: new AbortController().signal }))
})
