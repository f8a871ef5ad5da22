import assert from 'node:assert/strict'
import test from 'node:test'
import { connect, type Frame, rejection, type TestClient } from '../../helper.ts'
import { post } from '../../routes/post.ts'
import { DESKTOP, gateway, node } from './fixtures.ts'

const CALL = { nodeId: DESKTOP.nodeId, capability: 'notifications', args: { title: 'Tea is ready' } }

/** The next call that a node has not been asked before. */
const asked = (client: TestClient, known: readonly string[] = []): Promise<Frame> =>
  client.frame(({ event, data }) => event === 'invoke' && !known.includes(data.callId))

test('a call is an event of the registration, and its answer reaches the caller', async (t) => {
  const { url } = await gateway(t)
  const desktop = await connect(t, url)
  const registration = desktop.start('node.register', DESKTOP)
  await desktop.final(registration)
  const operator = await connect(t, url)
  const request = operator.start('node.invoke', CALL)
  const { id, data, event } = await asked(desktop)
  assert.deepEqual([id, event], [registration, 'invoke'])
  assert.deepEqual(data, { callId: data.callId, capability: 'notifications', args: CALL.args })
  assert.deepEqual(await desktop.call('node.result', { callId: data.callId, ok: true, output: { shown: [true, null] } }), {
    accepted: true
  })
  const { result } = await operator.final(request)
  const { nodeId, capability } = CALL
  assert.deepEqual(result, { nodeId, capability, callId: data.callId, ok: true, output: { shown: [true, null] } })
  assert.ok(!operator.frames.some(({ event }) => event === 'invoke'))
})

test('a node that speaks JSON-RPC 2.0 is called in it', async (t) => {
  const { url } = await gateway(t)
  const desktop = await node(t, url, {}, { dialect: '2.0' })
  const operator = await connect(t, url)
  const request = operator.start('node.invoke', CALL)
  const { params } = await desktop.frame(({ method }) => method === 'event')
  assert.equal(params.event, 'invoke')
  await desktop.call('node.result', { callId: params.data.callId, ok: true })
  assert.equal((await operator.final(request)).result.ok, true)
})

test('a failure is an answer with its reason; an invalid answer may be repeated', async (t) => {
  const { url } = await gateway(t)
  const desktop = await node(t, url)
  const operator = await connect(t, url)
  const request = operator.start('node.invoke', CALL)
  const { callId } = (await asked(desktop)).data
  for (const [wrong, path] of [
    [{ ok: true, error: 'no' }, 'params.error'],
    [{ ok: false }, 'params.error'],
    [{ ok: false, error: 'no', output: 1 }, 'params.output'],
    [{ ok: false, error: '' }, 'params.error'],
    [{ ok: false, error: 'x'.repeat(1001) }, 'params.error'],
    [{ ok: true, output: 'x'.repeat(1024 * 1024) }, 'params.output'],
    [{ ok: true, approved: true }, 'params.approved']
  ] as const) {
    const { code, data } = await rejection(desktop.call('node.result', { callId, ...wrong }))
    assert.deepEqual([code, data.issues[0].path], [-2, path])
  }
  await desktop.call('node.result', { callId, ok: false, error: 'the screen is locked' })
  const { result } = await operator.final(request)
  assert.deepEqual([result.ok, result.error, 'output' in result], [false, 'the screen is locked', false])
})

test('a call is answered once, and only by the node that was asked', async (t) => {
  const { url } = await gateway(t)
  const desktop = await node(t, url)
  const other = await node(t, url, { nodeId: 'other' })
  const operator = await connect(t, url)
  const request = operator.start('node.invoke', CALL)
  const { callId } = (await asked(desktop)).data
  const answer = { callId, ok: true, output: 'mine' }
  for (const [client, params] of [
    [other, answer],
    [desktop, { ...answer, callId: 'unknown' }]
  ] as const) {
    const { code, message } = await rejection(client.call('node.result', params))
    assert.equal(code, -2)
    assert.match(message, /No call of this id waits/)
  }
  assert.match((await rejection(operator.call('node.result', answer))).message, /call node\.register first/)
  // Both in one packet.
  const [first, second] = [desktop.start('node.result', answer), desktop.start('node.result', { ...answer, output: 'again' })]
  assert.ok('result' in (await desktop.final(first)))
  assert.equal((await desktop.final(second)).error.code, -2)
  assert.equal((await operator.final(request)).result.output, 'mine')
})

test('only declared capabilities with an open gate can be called', async (t) => {
  const { url } = await gateway(t)
  const desktop = await node(t, url, { capabilities: ['ui.canvas', 'camera.snap', 'unheard.of'] })
  const operator = await connect(t, url)
  for (const [change, says] of [
    [{ capability: 'notifications' }, /the node did not declare it; enabled here: ui\.canvas/],
    [{ capability: 'camera.snap' }, /server\.nodes\.feature_gates does not enable it/],
    [{ capability: 'unheard.of' }, /feature_gates/],
    [{ capability: 'constructor' }, /did not declare/],
    [{ nodeId: 'other' }, /params\.nodeId must be a node that is connected/],
    [{ nodeId: '__proto__' }, /params\.nodeId/],
    [{ timeoutMs: 0 }, /params\.timeoutMs must be an integer between 1 and 120000/],
    [{ timeoutMs: 120_001 }, /params\.timeoutMs/],
    [{ approved: true }, /params\.approved is not known/],
    [{ callId: 'mine' }, /params\.callId is not known/],
    [{ args: [1] }, /params\.args/],
    [{ capability: 'ui.canvas', args: { text: 'x'.repeat(1024 * 1024) } }, /params\.args must be at most 1048576 characters/]
  ] as const) {
    const { code, message } = await rejection(operator.call('node.invoke', { ...CALL, ...change }))
    assert.equal(code, -2)
    assert.match(message, says)
  }
  assert.ok(!desktop.frames.some(({ event }) => event === 'invoke'))
})

test('a call without an answer in time fails, and a late answer is refused', async (t) => {
  const { url } = await gateway(t)
  const desktop = await node(t, url)
  const operator = await connect(t, url)
  const error = await rejection(operator.call('node.invoke', { ...CALL, timeoutMs: 1 }))
  assert.equal(error.code, 5)
  assert.match(error.message, /did not answer within 1 ms/)
  const { callId } = (await asked(desktop)).data
  assert.equal((await rejection(desktop.call('node.result', { callId, ok: true }))).code, -2)
})

test('a node that leaves or changes its id ends its calls', async (t) => {
  const { url } = await gateway(t)
  const operator = await connect(t, url)
  for (const [leave, says] of [
    [(client: TestClient) => client.socket.terminate(), /its connection was closed/],
    [() => node(t, url), /it was registered from another connection/],
    [(client: TestClient) => client.call('node.register', { ...DESKTOP, nodeId: 'other' }), /under another id/]
  ] as const) {
    const desktop = await node(t, url)
    const requests = [operator.start('node.invoke', CALL), operator.start('node.invoke', CALL)]
    await asked(desktop, [(await asked(desktop)).data.callId])
    await leave(desktop)
    for (const request of requests) {
      const { error } = await operator.final(request)
      assert.equal(error.code, 5)
      assert.match(error.message, says)
    }
  }
})

test('a node that registers again keeps its calls', async (t) => {
  const { url } = await gateway(t)
  const desktop = await node(t, url)
  const operator = await connect(t, url)
  const request = operator.start('node.invoke', CALL)
  const { callId } = (await asked(desktop)).data
  await desktop.call('node.register', { ...DESKTOP, capabilities: [] })
  await desktop.call('node.result', { callId, ok: true, output: 'done' })
  assert.equal((await operator.final(request)).result.output, 'done')
})

test('sixteen calls of a node may wait; the next is refused until one has ended', async (t) => {
  const { url } = await gateway(t)
  const desktop = await node(t, url)
  const operator = await connect(t, url)
  const requests = Array.from({ length: 16 }, () => operator.start('node.invoke', CALL))
  const known: string[] = []
  while (known.length < 16) known.push((await asked(desktop, known)).data.callId)
  const error = await rejection(operator.call('node.invoke', CALL))
  assert.deepEqual([error.code, error.data.retryable], [3, true])
  await desktop.call('node.result', { callId: known[0], ok: true })
  await operator.final(requests[0]!)
  const next = operator.start('node.invoke', CALL)
  await desktop.call('node.result', { callId: (await asked(desktop, known)).data.callId, ok: true })
  assert.equal((await operator.final(next)).result.ok, true)
})

test('a caller that is gone leaves no call waiting', async (t) => {
  const { url } = await gateway(t)
  const desktop = await node(t, url)
  const operator = await connect(t, url)
  operator.start('node.invoke', CALL)
  const { callId } = (await asked(desktop)).data
  operator.socket.terminate()
  // The gateway learns of the end on its own; until then the answer would still be taken by nobody.
  for (;;) {
    const again = await connect(t, url)
    if ((await again.call('system.info')).connections === 2) break
    again.socket.close()
  }
  assert.equal((await rejection(desktop.call('node.result', { callId, ok: true }))).code, -2)
})

test('a shutdown ends the calls that wait', async (t) => {
  const { url, host, app } = await gateway(t)
  const desktop = await node(t, url)
  const error = rejection(app.nodes.invoke(CALL, { signal: new AbortController().signal }))
  await asked(desktop)
  await host.close()
  assert.deepEqual(
    [(await error).code, (await error).message],
    [5, 'The node companion-desktop did not answer: its connection was closed']
  )
})

test('node.invoke works over HTTP and needs the scope operate', async (t) => {
  const tokens = (['node', 'write', 'operate'] as const).map((scope) => ({ name: scope, token: scope, scopes: [scope] }))
  const { url, app } = await gateway(t, { tokens })
  const desktop = await node(t, url, {}, { token: 'node' })
  for (const token of ['node', 'write']) {
    const { status, json } = await post(url, 'node.invoke', CALL, { token })
    assert.deepEqual([status, json.error.code], [403, -5])
  }
  const answer = post(url, 'node.invoke', CALL, { token: 'operate' })
  const { callId } = (await asked(desktop)).data
  assert.equal((await post(url, 'node.result', { callId, ok: true }, { token: 'operate' })).json.error.code, -5)
  await desktop.call('node.result', { callId, ok: true, output: 'shown' })
  assert.equal((await answer).json.result.output, 'shown')
  await app.audit.flush()
  const rows = await app.db.audit.list({ limit: 10 })
  const { actor, detail } = rows.find(({ event }) => event === 'node.invoke')!
  assert.equal(actor, 'token:operate')
  assert.deepEqual(detail, {
    nodeId: DESKTOP.nodeId,
    capability: 'notifications',
    success: true,
    args: '{"title":"Tea is ready"}'
  })
})

test('the agent calls a node with a tool', async (t) => {
  const { url } = await gateway(t)
  const desktop = await node(t, url)
  const person = await connect(t, url)
  assert.ok((await person.call('tools.list')).tools.some(({ name }: Frame) => name === 'node.invoke'))
  const run = (args: object) => person.start('tools.execute', { tool: 'node.invoke', args })
  const known: string[] = []
  for (const [answer, output] of [
    [{ ok: true, output: 'on the screen' }, 'on the screen'],
    [{ ok: true, output: { shown: 1 } }, '{"shown":1}'],
    [{ ok: true }, 'done']
  ] as const) {
    const request = run(CALL)
    const { callId } = (await asked(desktop, known)).data
    known.push(callId)
    await desktop.call('node.result', { callId, ...answer })
    assert.deepEqual((await person.final(request)).result, { success: true, output })
  }
  const request = run(CALL)
  await desktop.call('node.result', { callId: (await asked(desktop, known)).data.callId, ok: false, error: 'locked' })
  assert.equal((await person.final(request)).result.success, false)
  assert.equal((await person.final(run({ ...CALL, nodeId: 'other' }))).result.success, false)
  assert.equal((await person.final(run({ ...CALL, approved: true }))).error.code, -2)
})
