import assert from 'node:assert/strict'
import test from 'node:test'
import * as methods from '../../plugins/lanes/methods.ts'
import { list } from '../../plugins/sessions/methods.ts'
import type { Context } from '../../rpc/define.ts'
import { Registry } from '../../rpc/registry.ts'
import { compile } from '../../rpc/validate.ts'
import { ANN, BOB, caller, DEFAULT, failure, OPERATOR, rig } from '../plugins/commands/fixtures.ts'

const sessionId = 'telegram:1'
const START = 1_739_448_000_000

test('queue.get shows the lane, its policy, and what waits in the order it will be taken', async (t) => {
  const { call, say, later, policies, lanes } = await rig(t)
  await say(sessionId, ANN, 'first')
  later(1000)
  await say(sessionId, ANN, 'second')
  later(1000)
  const message = { id: 'hook', owner: 'webhook:x', priority: 'system', policy: { ...DEFAULT, mode: 'collect' } } as const
  await lanes.send(sessionId, { ...message, payload: { kind: 'message', preview: 'machine' }, acceptedAt: START + 2000 })
  await say(sessionId, BOB, 'third')
  later(500)
  await policies.override(sessionId, { cap: 3 })
  const { running, origin, ...rest } = await call('queue.get', { sessionId })
  assert.deepEqual([running.sinceMs, running.ageMs], [START, 2500])
  assert.deepEqual([origin.mode, origin.cap], ['default', 'session'])
  const person = { mode: 'followup', priority: 'person' }
  assert.deepEqual(rest, {
    sessionId,
    state: 'running',
    paused: false,
    depth: 3,
    oldestAgeMs: 1500,
    policy: { ...DEFAULT, cap: 3 },
    messages: [
      { messageId: 'm2', owner: ANN.id, ...person, preview: 'second', acceptedAt: START + 1000, ageMs: 1500, position: 1 },
      { messageId: 'm3', owner: BOB.id, ...person, preview: 'third', acceptedAt: START + 2000, ageMs: 500, position: 2 },
      {
        messageId: 'hook',
        owner: 'webhook:x',
        mode: 'collect',
        priority: 'system',
        preview: 'machine',
        acceptedAt: START + 2000,
        ageMs: 500,
        position: 3
      }
    ]
  })
})

test('queue.get of a session without anything to do is an idle lane', async (t) => {
  const { call, db } = await rig(t)
  await db.sessions.open(sessionId, 1)
  const { origin: _, ...rest } = await call('queue.get', {}, ANN, { sessionId })
  assert.deepEqual(rest, {
    sessionId,
    state: 'idle',
    paused: false,
    depth: 0,
    oldestAgeMs: null,
    running: null,
    policy: DEFAULT,
    messages: []
  })
})

test('what waits for its turn and is no message is in the list too, so that the depth is its length', async (t) => {
  const { call, say, send } = await rig(t)
  await say(sessionId, ANN)
  await send(sessionId, BOB, { kind: 'work', run: () => {} })
  const { depth, messages } = await call('queue.get', { sessionId })
  assert.equal(depth, 1)
  assert.deepEqual(
    messages.map(({ owner, preview }: { owner: string; preview: string }) => ({ owner, preview })),
    [{ owner: BOB.id, preview: '' }]
  )
})

test('queue.cancel takes back one message that waits, and the others stay', async (t) => {
  const { call, say, finish } = await rig(t)
  const running = await say(sessionId, ANN)
  const [one, two, three] = [await say(sessionId, ANN), await say(sessionId, ANN), await say(sessionId, ANN)]
  assert.deepEqual(await call('queue.cancel', { sessionId, messageId: two.id }), { cancelled: true })
  assert.equal(await failure(two.settled), 'cancelled')
  for (const messageId of [two.id, running.id, 'nothing']) {
    assert.deepEqual(await call('queue.cancel', { sessionId, messageId }), { cancelled: false })
  }
  finish()
  for (const { settled } of [running, one, three]) assert.equal((await settled).how, 'completed')
})

test('queue.clear takes back all that waits, and what runs goes on', async (t) => {
  const { call, say, finish, lanes } = await rig(t)
  const running = await say(sessionId, ANN)
  const waiting = [await say(sessionId, ANN), await say(sessionId, ANN), await say(sessionId, ANN)]
  const elsewhere = [await say('telegram:2', ANN), await say('telegram:2', ANN)]
  assert.deepEqual(await call('queue.clear', {}, ANN, { sessionId }), { cleared: 3 })
  for (const { settled } of waiting) assert.equal(await failure(settled), 'cancelled')
  assert.equal(lanes.snapshot(sessionId).state, 'running')
  assert.deepEqual(await call('queue.clear', { sessionId }), { cleared: 0 })
  finish()
  for (const { settled } of [running, ...elsewhere]) assert.equal((await settled).how, 'completed')
})

test('queue.clear starts nothing of what it is to take back', async (t) => {
  const { call, send, lanes, finish, hold } = await rig(t)
  const running = await send(sessionId, ANN, { kind: 'message', preview: 'running' })
  const message = { owner: ANN.id, priority: 'person', payload: { kind: 'message', preview: '' }, acceptedAt: START } as const
  const first = await lanes.send(sessionId, { ...message, id: 'a', policy: { ...DEFAULT, mode: 'collect', debounceMs: 60_000 } })
  const second = await lanes.send(sessionId, { ...message, id: 'b', policy: DEFAULT })
  finish()
  await running.settled
  hold()
  assert.equal(lanes.snapshot(sessionId).state, 'quiet')
  assert.deepEqual(await call('queue.clear', { sessionId }), { cleared: 2 })
  for (const { settled } of [first, second]) assert.equal(await failure(settled), 'cancelled')
  assert.equal(lanes.has(sessionId), false)
})

test('what others sent is theirs, except to the scope operate', async (t) => {
  const { call, say } = await rig(t)
  await say(sessionId, ANN)
  const [mine, first, second] = [await say(sessionId, ANN), await say(sessionId, BOB), await say(sessionId, BOB)]
  assert.deepEqual(await call('queue.cancel', { sessionId, messageId: first.id }, ANN), { cancelled: false })
  assert.deepEqual(await call('queue.clear', { sessionId }, ANN), { cleared: 1 })
  assert.equal(await failure(mine.settled), 'cancelled')
  assert.equal((await call('queue.get', { sessionId })).depth, 2)
  assert.deepEqual(await call('queue.cancel', { sessionId, messageId: first.id }, OPERATOR), { cancelled: true })
  assert.deepEqual(await call('queue.clear', { sessionId }, caller('local', 'admin')), { cleared: 1 })
  assert.equal(await failure(second.settled), 'cancelled')
})

test('a session that is not there is error 1, except while there is something in its lane', async (t) => {
  const { call, say, db } = await rig(t)
  const calls = [
    ['queue.get', {}],
    ['queue.cancel', { messageId: 'm1' }],
    ['queue.clear', {}]
  ] as const
  for (const [name, params] of calls) {
    const gone = { code: 1, message: 'There is no session "telegram:1"' }
    await assert.rejects(call(name, { ...params, sessionId }), gone)
    await assert.rejects(call(name, params, ANN, { sessionId }), gone)
    await assert.rejects(call(name, params), { code: -2, message: /^params\.sessionId is required over HTTP/ })
  }
  assert.equal(await db.sessions.get(sessionId), undefined)
  await say(sessionId, ANN)
  for (const [name, params] of calls) await call(name, { ...params, sessionId })
})

test('looking at a queue needs the scope read, changing it write', async (t) => {
  const { call, db } = await rig(t)
  await db.sessions.open(sessionId, 1)
  for (const [name, scope, other, params] of [
    ['queue.get', 'read', 'write', { sessionId }],
    ['queue.cancel', 'write', 'read', { sessionId, messageId: 'm1' }],
    ['queue.clear', 'write', 'read', { sessionId }]
  ] as const) {
    await assert.rejects(call(name, params, caller('x', other)), { code: -5 }, name)
    await call(name, params, caller('x', scope))
  }
})

test('sessions.list tells what holds in each session, in the shape of the protocol and without a question for each', async (t) => {
  const { app, db, policies } = await rig(t, { channels: { telegram: { mode: 'collect', cap: 8 } } })
  for (let n = 0; n < 500; n++) await db.sessions.open(`ws:${n}`, n)
  await db.sessions.open('telegram:1', 1000)
  await policies.override('telegram:1', { mode: 'steer' })
  const get = t.mock.method(db.sessions, 'get')
  const sessions = { list: (query: Parameters<typeof db.sessions.list>[0]) => db.sessions.list(query) }
  const rpc = new Registry()
  rpc.method(list)
  const context = { app: { ...app, sessions, lanes: app.lanes }, caller: ANN } as unknown as Context
  const answer = JSON.parse(rpc.encode('sessions.list', await rpc.call('sessions.list', { limit: 500 }, context)))
  assert.equal(answer.sessions.length, 500)
  const usual = '{"mode":"followup","overflow":"drop_old","cap":20,"debounceMs":250,"summarizeOverflow":true}'
  const changed = '{"mode":"steer","overflow":"drop_old","cap":8,"debounceMs":250,"summarizeOverflow":true}'
  const told = answer.sessions.map(({ config }: { config: object }) => JSON.stringify(config))
  const rest = '"elevation":{"active":false,"untilMs":0}'
  assert.equal(told[0], `{"modelTier":"default","queue":${changed},${rest}}`)
  assert.deepEqual([...new Set(told.slice(1))], [`{"modelTier":"default","queue":${usual},${rest}}`])
  assert.equal(get.mock.callCount(), 0)
})

test('the examples of the methods follow their own schemas', () => {
  const rpc = new Registry()
  for (const method of Object.values(methods)) {
    const { name, params, result, examples = [] } = method
    rpc.method(method)
    assert.equal(examples.length, 1, name)
    for (const example of examples) {
      assert.ok('value' in compile(params)({ ...example.params }), name)
      assert.ok('value' in compile(result)(example.result), name)
      assert.deepEqual(JSON.parse(rpc.encode(name, example.result)), example.result)
    }
  }
})
