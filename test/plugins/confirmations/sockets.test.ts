import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { Type } from '@sinclair/typebox'
import { databaseIn, open } from '../../../db/client.ts'
import { gatewayPlugin } from '../../../plugins/define.ts'
import { defineTool } from '../../../plugins/tools/define.ts'
import { build, type ConnectOptions, connect, type Frame, rejection, scratch, type TestClient } from '../../helper.ts'
import { post } from '../../routes/post.ts'

const SESSION = 'telegram:1'
const USED_UP = { code: -2, message: /is not the id of a waiting tool call/ }

/** A gateway with a tool `test.deed` that has to be confirmed, and a record of the arguments it ran with. */
async function gateway(t: TestContext, config: object = {}) {
  const runs: unknown[] = []
  const deed = defineTool({
    name: 'test.deed',
    description: 'Does something',
    input: Type.Object(
      { what: Type.String(), times: Type.Optional(Type.Integer({ default: 2 })), on: Type.Optional(Type.Array(Type.String())) },
      { additionalProperties: false }
    ),
    async run(args) {
      runs.push(args)
      return { output: `did ${args.what}`, attachments: [{ mimeType: 'text/plain', data: 'ZG9uZQ==' }] }
    }
  })
  const plugin = gatewayPlugin({ name: 'deeds', dependencies: ['tools'] }, async (app) => app.tools.add(deed))
  const tokens = [
    { name: 'ann', token: 'token-ann', scopes: ['read', 'write'] },
    { name: 'bob', token: 'token-bob', scopes: ['read', 'write'] },
    { name: 'reader', token: 'token-reader', scopes: ['read'] },
    { name: 'op', token: 'token-op', scopes: ['read', 'write', 'operate'] }
  ]
  const { url, app, host } = await build(t, {
    config: {
      server: { tokens, shutdownGraceSeconds: 0 },
      tools: { confirm: ['test.deed'] },
      lanes: { maxConcurrentRuns: 1 },
      ...config
    } as never,
    plugins: [plugin]
  })
  const as = (token: string, options: ConnectOptions = {}): Promise<TestClient> => connect(t, url, { token, ...options })
  return { url, app, host, runs, as }
}

/** Sends a message by which the model calls the tool. */
function ask(client: TestClient, args: object = { what: 'it' }, sessionId = SESSION): number {
  return client.start('agent.send', { message: `/tool test.deed ${JSON.stringify(args)}`, sessionId })
}

/** Registers for the tools of the session; answers the id of the call. */
async function watch(client: TestClient, sessionId = SESSION, enabled = true): Promise<number> {
  const id = client.start('agent.setToolUseCallback', { sessionId, enabled })
  assert.deepEqual((await client.final(id)).result, { success: true })
  return id
}

/** The next `tool_start` of a request that was not looked at before. */
const toolStart = (client: TestClient, id: number, after: readonly Frame[] = []): Promise<Frame> =>
  client.frame((frame) => frame.id === id && frame.event === 'tool_start' && !after.includes(frame))

const toolEnd = async (client: TestClient, id: number): Promise<Frame> =>
  (await client.frame((frame) => frame.id === id && frame.event === 'tool_end')).data.result

/** The lane goes on: an ordinary message of the session is answered. */
async function assertFree(client: TestClient): Promise<void> {
  assert.ok((await client.call('agent.send', { message: 'still there?', sessionId: SESSION })).content)
}

test('a callback is told of every tool of its session, whoever asked, under its own id; others as before', async (t) => {
  const { as } = await gateway(t, { tools: { confirm: [] } })
  const [ann, bob] = [await as('token-ann'), await as('token-bob')]
  const watching = await watch(bob)
  const own = await watch(ann)
  await ann.call('sessions.subscribe', { sessionId: SESSION })
  const id = ask(ann)
  await ann.final(id)
  const events = (client: TestClient, id: number): string[] => client.events(id).map(({ event }) => event)
  assert.deepEqual(events(bob, watching), ['tool_start', 'tool_end'])
  assert.deepEqual(events(ann, own), ['tool_start', 'tool_end'])
  assert.equal(events(ann, id).filter((event) => event.startsWith('tool_')).length, 2)
  const [start, end] = bob.events(watching)
  assert.deepEqual(start!.data, { tool: 'test.deed', args: { what: 'it', times: 2 }, callId: end!.data.callId })
  assert.deepEqual(end!.data.result, { success: true, output: 'did it', error: null })
  assert.equal(start!.sessionId, SESSION)
  // A second call replaces the first, a third ends it; another session is not told of.
  const again = await watch(bob)
  await watch(bob, 'telegram:2')
  await ann.final(ask(ann))
  assert.deepEqual([events(bob, watching).length, events(bob, again).length], [2, 2])
  await watch(bob, SESSION, false)
  await ann.final(ask(ann))
  assert.equal(bob.frames.filter(({ event }) => event !== undefined).length, 4)
})

test('what a tool hands back as a file reaches whoever asked the agent, and whoever ran the tool directly', async (t) => {
  const { as } = await gateway(t, { tools: { confirm: [] } })
  const op = await as('token-op')
  const id = ask(op)
  const file = { mimeType: 'text/plain', data: 'ZG9uZQ==' }
  await op.final(id)
  assert.deepEqual(
    op.events(id).flatMap(({ event, data }) => (event === 'attachment' ? [data] : [])),
    [file]
  )
  assert.deepEqual(await op.call('tools.execute', { tool: 'test.deed', args: { what: 'it' }, sessionId: SESSION }), {
    success: true,
    output: 'did it',
    attachments: [file]
  })
})

test('a person who confirms tools.call sees the tool that really runs', async (t) => {
  const { as, runs } = await gateway(t, { tools: { confirm: ['test.*'], max: 2 } })
  const ann = await as('token-ann')
  const watching = await watch(ann)
  const message = `/tool tools.call ${JSON.stringify({ tool: 'test.deed', args: { what: 'A' } })}`
  const id = ann.start('agent.send', { message, sessionId: SESSION })
  const { data } = await toolStart(ann, watching)
  assert.deepEqual([data.tool, data.args], ['test.deed', { what: 'A', times: 2 }])
  await ann.call('agent.confirmTool', { callId: data.confirm.callId, approve: true })
  await ann.final(id)
  const end = ann.events(id).find(({ event }) => event === 'tool_end')
  assert.deepEqual([end?.data.tool, end?.data.result.output], ['test.deed', 'did A'])
  assert.deepEqual(runs, [data.args])
})

test('an approved tool runs once, with exactly the arguments that were shown; an operator who runs it directly is not asked', async (t) => {
  const { as, runs, app } = await gateway(t)
  const ann = await as('token-ann')
  const watching = await watch(ann)
  const id = ask(ann, { what: 'A', on: ['x'] })
  const { data } = await toolStart(ann, watching)
  assert.deepEqual(data.args, { what: 'A', on: ['x'], times: 2 })
  assert.deepEqual((await toolStart(ann, id)).data, data)
  assert.deepEqual(runs, [])
  // What is not a param of the method cannot change the call.
  const changed = { callId: data.confirm.callId, approve: true, args: { what: "A'" } }
  assert.equal((await rejection(ann.call('agent.confirmTool', changed))).data.issues[0].path, 'params.args')
  assert.equal((await rejection(ann.call('agent.confirmTool', { callId: data.callId, approve: true }))).code, -2)
  assert.deepEqual(await ann.call('agent.confirmTool', { callId: data.confirm.callId, approve: true }), { success: true })
  assert.deepEqual(await toolEnd(ann, id), { success: true, output: 'did A', error: null })
  await ann.final(id)
  assert.deepEqual(runs, [data.args])
  await assert.rejects(ann.call('agent.confirmTool', { callId: data.confirm.callId, approve: true }), USED_UP)
  // The same call of the model again is another one.
  const again = ask(ann, { what: 'A', on: ['x'] })
  const second = await toolStart(ann, again)
  assert.notEqual(second.data.confirm.callId, data.confirm.callId)
  await assert.rejects(ann.call('agent.confirmTool', { callId: data.confirm.callId, approve: true }), USED_UP)
  await ann.call('agent.confirmTool', { callId: second.data.confirm.callId, approve: false })
  await ann.final(again)
  assert.equal(runs.length, 1)
  const op = await as('token-op')
  assert.equal((await op.call('tools.execute', { tool: 'test.deed', args: { what: 'B' }, sessionId: SESSION })).success, true)
  const entries = await app.audit.list({ limit: 20, offset: 0 } as never)
  const confirmed = entries.filter(({ event }) => event === 'tool.confirm')
  assert.deepEqual(confirmed.map(({ actor, detail }) => [actor, detail.approved, detail.tool, detail.owner]).reverse(), [
    ['token:ann', true, 'test.deed', 'token:ann'],
    ['token:ann', false, 'test.deed', 'token:ann']
  ])
})

test('a refused tool does not run, and the model is told why', async (t) => {
  const { as, runs } = await gateway(t)
  const ann = await as('token-ann')
  await watch(ann)
  const id = ask(ann)
  const { data } = await toolStart(ann, id)
  await ann.call('agent.confirmTool', { callId: data.confirm.callId, approve: false, reason: 'not on a Sunday' })
  const error = 'Not run: a person refused test.deed: not on a Sunday'
  assert.deepEqual(await toolEnd(ann, id), { success: false, output: '', error })
  assert.match((await ann.final(id)).result.content, /not on a Sunday/)
  assert.deepEqual(runs, [])
  await assertFree(ann)
})

test('while a tool waits, other sessions have the slot; after 120 s it is refused', async (t) => {
  const { as, runs } = await gateway(t)
  const ann = await as('token-ann')
  await watch(ann)
  const now = Date.now()
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now })
  const id = ask(ann)
  const { data } = await toolStart(ann, id)
  assert.equal(data.confirm.expiresAt, now + 120_000)
  await ann.call('agent.send', { message: 'hello', sessionId: 'telegram:2' })
  assert.equal((await ann.call('queue.get', { sessionId: SESSION })).state, 'paused')
  t.mock.timers.tick(119_999)
  assert.equal((await ann.call('queue.get', { sessionId: SESSION })).state, 'paused')
  t.mock.timers.tick(1)
  assert.equal((await toolEnd(ann, id)).error, 'Not run: test.deed was not confirmed within 120 s.')
  await ann.final(id)
  await assert.rejects(ann.call('agent.confirmTool', { callId: data.confirm.callId, approve: true }), USED_UP)
  assert.deepEqual(runs, [])
  await assertFree(ann)
})

test('with nobody there, and when the last one leaves, a tool is refused at once', async (t) => {
  const { as, runs } = await gateway(t)
  const [ann, op] = [await as('token-ann'), await as('token-op')]
  const alone = ask(ann)
  assert.equal((await toolStart(ann, alone)).data.confirm, undefined)
  assert.match((await toolEnd(ann, alone)).error, /no connected person can give it/)
  await ann.final(alone)
  await watch(op)
  const left = ask(ann)
  assert.ok((await toolStart(ann, left)).data.confirm)
  op.socket.terminate()
  assert.match((await toolEnd(ann, left)).error, /the last person who could confirm test\.deed has disconnected/)
  await ann.final(left)
  await watch(ann)
  const disabled = ask(ann)
  await toolStart(ann, disabled)
  await watch(ann, SESSION, false)
  assert.match((await toolEnd(ann, disabled)).error, /has disconnected/)
  await ann.final(disabled)
  assert.deepEqual(runs, [])
  await assertFree(ann)
})

test('nobody answers for others: neither from elsewhere, nor without a callback there, nor without the rights', async (t) => {
  const { as, runs, url } = await gateway(t)
  const [ann, other, bob, reader, op] = [
    await as('token-ann'),
    await as('token-ann'),
    await as('token-bob'),
    await as('token-reader'),
    await as('token-op')
  ]
  await watch(ann)
  await watch(bob)
  await watch(other, 'telegram:2')
  const id = ask(ann)
  const { callId } = (await toolStart(ann, id)).data.confirm
  const answer = { callId, approve: true }
  assert.equal((await rejection(other.call('agent.confirmTool', answer))).code, -5)
  assert.equal((await rejection(bob.call('agent.confirmTool', answer))).code, -5)
  assert.equal((await rejection(op.call('agent.confirmTool', answer))).code, -5)
  for (const method of ['agent.confirmTool', 'agent.setToolUseCallback']) {
    assert.equal((await rejection(reader.call(method, answer))).code, -5)
  }
  const { json } = await post(url, 'agent.confirmTool', answer, { token: 'token-bob' })
  assert.match(json.error.message, /Only the requester of the run/)
  const overHttp = await post(url, 'agent.setToolUseCallback', { sessionId: SESSION, enabled: true }, { token: 'token-ann' })
  assert.deepEqual([overHttp.status, overHttp.json.error.code], [400, -2])
  assert.deepEqual(runs, [])
  await watch(op)
  assert.deepEqual(await op.call('agent.confirmTool', answer), { success: true })
  await ann.final(id)
  assert.equal(runs.length, 1)
})

test('a run that is cancelled or interrupted while a tool waits ends at once, and the approval is worth nothing then', async (t) => {
  const { as, runs } = await gateway(t)
  const ann = await as('token-ann')
  await watch(ann)
  for (const stop of [
    () => ann.call('agent.cancel', { sessionId: SESSION }),
    () => ann.call('agent.send', { message: 'leave it', sessionId: SESSION, queueMode: 'interrupt' })
  ]) {
    const id = ask(ann)
    const { callId } = (await toolStart(ann, id)).data.confirm
    await stop()
    assert.equal((await ann.final(id)).error.code, 4)
    await assert.rejects(ann.call('agent.confirmTool', { callId, approve: true }), USED_UP)
  }
  assert.deepEqual(runs, [])
  await assertFree(ann)
})

test('a session that has to be elevated is told so before anybody is asked, and its elevation may not end while it waits', async (t) => {
  const { as, runs } = await gateway(t, { tools: { confirm: ['test.deed'], elevated: ['test.deed'] } })
  const op = await as('token-op')
  const elevation = async () => (await op.call('sessions.list')).sessions[0].config.elevation
  await watch(op)
  const early = ask(op)
  assert.equal((await toolStart(op, early)).data.confirm, undefined)
  assert.match((await toolEnd(op, early)).error, /\/elevate 10m/)
  await op.final(early)
  assert.deepEqual(await elevation(), { active: false, untilMs: 0 })
  const direct = { tool: 'test.deed', args: { what: 'it' }, sessionId: SESSION }
  assert.match((await op.call('tools.execute', direct)).error, /\/elevate 10m/)
  const now = Date.now()
  t.mock.timers.enable({ apis: ['Date'], now })
  await op.call('agent.send', { message: '/elevate 90s', sessionId: SESSION })
  assert.deepEqual(await elevation(), { active: true, untilMs: now + 90_000 })
  assert.equal((await op.call('tools.execute', direct)).success, true)
  const id = ask(op)
  const { callId } = (await toolStart(op, id)).data.confirm
  t.mock.timers.setTime(now + 90_000)
  await op.call('agent.confirmTool', { callId, approve: true })
  assert.match((await toolEnd(op, id)).error, /\/elevate 10m/)
  await op.final(id)
  assert.deepEqual(await elevation(), { active: false, untilMs: now + 90_000 })
  assert.equal(runs.length, 1)
})

test('what is said to a run while its tool waits is seen before the tool starts: an approval that crosses it starts nothing', async (t) => {
  const { as, runs } = await gateway(t)
  const ann = await as('token-ann')
  await watch(ann)
  const id = ask(ann)
  const { callId } = (await toolStart(ann, id)).data.confirm
  await ann.call('system.hello', { events: ['accepted'] })
  const steer = ann.start('agent.send', { message: 'rather not', sessionId: SESSION, queueMode: 'steer' })
  await ann.frame((frame) => frame.id === steer && frame.event === 'accepted')
  await ann.call('agent.confirmTool', { callId, approve: true })
  assert.equal((await toolEnd(ann, id)).error, 'Not run: the user said something else first.')
  assert.match((await ann.final(id)).result.content, /rather not/)
  assert.equal((await ann.final(steer)).result.queue.outcome, 'steered')
  assert.deepEqual(runs, [])
  await assertFree(ann)
})

test('of two answers at once one counts', async (t) => {
  const { as, runs } = await gateway(t)
  const [ann, op] = [await as('token-ann'), await as('token-op')]
  await watch(ann)
  await watch(op)
  const id = ask(ann)
  const { callId } = (await toolStart(ann, id)).data.confirm
  const answers = await Promise.allSettled(
    [ann, op].flatMap((client) => [1, 2].map(() => client.call('agent.confirmTool', { callId, approve: true })))
  )
  assert.deepEqual(answers.map(({ status }) => status).sort(), ['fulfilled', 'rejected', 'rejected', 'rejected'])
  await ann.final(id)
  assert.equal(runs.length, 1)
})

test('a gateway that shuts down does not wait for a person', async (t) => {
  const { as, host, app, runs } = await gateway(t)
  const ann = await as('token-ann')
  await watch(ann)
  const id = ask(ann)
  await toolStart(ann, id)
  await Promise.all([
    host.close(),
    assert.rejects(
      ann.final(id).then(({ error }) => Promise.reject(error)),
      { code: 3 }
    )
  ])
  assert.equal(app.confirmations.size, 0)
  assert.deepEqual(runs, [])
})

test('a run that is tried again after a crash has nothing that was approved before: with nobody there its tool is refused', async (t) => {
  const dataDir = await scratch(t)
  const db = await open({ file: databaseIn(dataDir) })
  const policy = { mode: 'followup', cap: 20, overflow: 'drop_old', debounceMs: 0, summarizeOverflow: true } as const
  const body = { message: '/tool test.deed {"what":"it"}', attachments: [] }
  const rest = { owner: 'token:ann', priority: 'person', policy, preview: 'tool' } as const
  await db.queue.accept({ id: 'one', sessionId: SESSION, acceptedAt: 1, body, ...rest })
  await db.queue.claim({ sessionId: SESSION, runId: 'one', ids: ['one'], now: 2 })
  await db.close()
  const { as, runs } = await gateway(t, { dataDir, lanes: { recovery: 'retry' } })
  const ann = await as('token-ann')
  const { content } = await ann.call('sessions.resume', { sessionId: SESSION, runId: 'one' })
  assert.match(content, /no connected person can give it/)
  assert.deepEqual(runs, [])
})

test('an open inbox sees the calls of all sessions, and answers them; a notification does over HTTP', async (t) => {
  const { as, runs, url } = await gateway(t)
  const [ann, op, bob] = [await as('token-ann'), await as('token-op'), await as('token-bob')]
  const opened = async (id: string): Promise<Frame> =>
    (await op.frame(({ event, data }) => event === 'confirm' && data.change === 'opened' && data.confirmation.args.what === id))
      .data.confirmation
  await op.call('events.subscribe', { kinds: ['confirm'] })
  await bob.call('events.subscribe', { kinds: ['confirm'] })
  const first = ask(ann, { what: 'one' })
  const one = await opened('one')
  assert.deepEqual([one.sessionId, one.owner, one.tool], [SESSION, 'token:ann', 'test.deed'])
  const listed = await bob.call('confirmations.list')
  assert.deepEqual([listed.total, listed.confirmations[0].callId], [1, one.callId])
  assert.equal((await rejection(bob.call('agent.confirmTool', { callId: one.callId, approve: true }))).code, -5)
  await op.call('agent.confirmTool', { callId: one.callId, approve: false, reason: 'not on a Friday' })
  assert.match((await toolEnd(ann, first)).error, /not on a Friday/)
  await bob.frame(({ event, data }) => event === 'confirm' && data.change === 'closed' && data.approved === false)

  const second = ask(ann, { what: 'two' })
  const { callId } = await opened('two')
  const { status } = await post(url, 'agent.confirmTool', { callId, approve: true }, { token: 'token-ann' })
  assert.equal(status, 200)
  await ann.final(second)
  assert.equal(runs.length, 1)

  const third = ask(ann, { what: 'three' })
  await opened('three')
  await op.call('events.unsubscribe')
  assert.match((await toolEnd(ann, third)).error, /has disconnected/)
})
