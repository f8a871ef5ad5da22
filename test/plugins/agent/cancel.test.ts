import assert from 'node:assert/strict'
import test from 'node:test'
import { connect, type Frame, rejection, type TestClient } from '../../helper.ts'
import { slowTool, told, transcript, withModel } from './fixtures.ts'

const never = new Promise<void>(() => {})

/** Waits until the text of that event has come. */
const content = (client: TestClient, id: number, text: string): Promise<Frame> =>
  client.frame((frame) => frame.id === id && frame.event === 'content' && frame.data.text === text)

test('a run that is cancelled while it streams ends at once: error event, error, the model let go, the text kept as partial', async (t) => {
  const { url, model, app } = await withModel(t)
  model.reply({ text: ['Once ', 'upon '], until: never })
  const client = await connect(t, url)
  const asked = model.next()
  const id = client.start('agent.send', { message: 'Tell me a story', sessionId: 'x:1' })
  await content(client, id, 'upon ')
  assert.deepEqual(await client.call('agent.cancel'), { cancelled: true })
  const { error } = await client.final(id)
  await (await asked).closed
  assert.deepEqual(told(client.frames, id), ['content Once ', 'content upon ', 'error event 4', 'error 4'])
  assert.deepEqual(error, { code: 4, message: 'Request cancelled by client', data: { retryable: false } })
  assert.deepEqual(client.events(id).at(-1)?.data, { code: 4, message: 'Request cancelled by client' })
  assert.deepEqual(transcript(await client.call('sessions.get')), [
    'user complete: Tell me a story',
    'assistant partial: Once upon '
  ])
  assert.equal(app.lanes.has('x:1'), false)

  assert.equal((await client.call('agent.send', { message: 'Go on' })).content, 'Hello from the model.')
  const { messages } = model.requests.at(-1)!.body
  assert.deepEqual(
    messages.map(({ role, content }: Frame) => [role, content[0].text]),
    [
      ['user', 'Tell me a story'],
      ['assistant', 'Once upon '],
      ['user', 'Go on']
    ]
  )
})

test('a run that is cancelled before the model has said anything leaves the question, marked as cut off', async (t) => {
  const { url, model } = await withModel(t)
  model.reply({ silence: true })
  const client = await connect(t, url)
  const asked = model.next()
  const id = client.start('agent.send', { message: 'Anyone there?' })
  const { closed } = await asked
  assert.deepEqual(await client.call('agent.cancel'), { cancelled: true })
  await client.final(id)
  await closed
  assert.deepEqual(told(client.frames, id), ['error event 4', 'error 4'])
  assert.deepEqual(transcript(await client.call('sessions.get')), ['user partial: Anyone there?'])
})

test('what waits in the lane is cancelled with what runs, and each is told', async (t) => {
  const { url, model } = await withModel(t)
  model.reply({ text: 'One', until: never })
  const client = await connect(t, url)
  const ids = Array.from({ length: 5 }, (_, n) => client.start('agent.send', { message: `message ${n}`, sessionId: 'x:1' }))
  await content(client, ids[0]!, 'One')
  assert.deepEqual(await client.call('agent.cancel', { sessionId: 'x:1' }), { cancelled: true })
  for (const id of ids) assert.equal((await client.final(id)).error.code, 4)
  assert.deepEqual(told(client.frames, ids[0]!), ['content One', 'error event 4', 'error 4'])
  for (const id of ids.slice(1)) {
    assert.deepEqual(told(client.frames, id), ['error event 4', 'error 4'])
    assert.deepEqual(
      client.events(id).map(({ seq, sessionId }) => [seq, sessionId]),
      [[1, 'x:1']]
    )
  }
  assert.equal(new Set(ids.map((id) => client.events(id)[0]?.runId)).size, ids.length)
  assert.equal(model.requests.length, 1)
  await client.call('agent.send', { message: 'next' })
  assert.equal(model.requests.length, 2)
})

test('another connection of the same principal can cancel, and the one that asked is told', async (t) => {
  const { url, model } = await withModel(t)
  model.reply({ text: 'One', until: never })
  const [asker, other] = [await connect(t, url), await connect(t, url)]
  const id = asker.start('agent.send', { message: 'hi', sessionId: 'x:1' })
  await content(asker, id, 'One')
  assert.deepEqual(await other.call('agent.cancel', { sessionId: 'x:1' }), { cancelled: true })
  assert.equal((await asker.final(id)).error.code, 4)
  assert.deepEqual(
    other.frames.filter((frame) => 'event' in frame),
    []
  )
})

test('a principal without operate cancels its own messages of a shared session and no others, one with operate all', async (t) => {
  const token = (name: string, ...scopes: string[]) => ({ name, token: name, scopes })
  const { url, model } = await withModel(t, {
    server: { tokens: [token('ann', 'read', 'write'), token('bob', 'read', 'write'), token('olga', 'write', 'operate')] }
  })
  const gate = Promise.withResolvers<void>()
  model.reply({ text: 'For Ann', until: gate.promise }, { text: 'For Ann again', until: never })
  const [ann, bob, olga] = await Promise.all(['ann', 'bob', 'olga'].map((name) => connect(t, url, { token: name })))
  const cancel = (client: TestClient) => client.call('agent.cancel', { sessionId: 'x:1' })
  const say = (client: TestClient, message: string) => client.start('agent.send', { message, sessionId: 'x:1' })

  const first = say(ann!, 'first')
  await content(ann!, first, 'For Ann')
  assert.deepEqual(await cancel(bob!), { cancelled: false })
  const [queued, second] = [say(bob!, 'from Bob'), say(ann!, 'second')]
  await Promise.all([bob!.call('system.info'), ann!.call('system.info')])
  assert.deepEqual(await cancel(bob!), { cancelled: true })
  assert.equal((await bob!.final(queued)).error.code, 4)
  gate.resolve()
  assert.equal((await ann!.final(first)).result.content, 'For Ann')

  await content(ann!, second, 'For Ann again')
  assert.deepEqual(await cancel(olga!), { cancelled: true })
  assert.equal((await ann!.final(second)).error.code, 4)
})

test('a session that nobody knows cannot be cancelled, and one that does nothing has nothing to cancel', async (t) => {
  const { url } = await withModel(t)
  const client = await connect(t, url)
  for (const params of [{ sessionId: 'no:such' }, {}]) {
    const { code, message } = await rejection(client.call('agent.cancel', params))
    assert.equal(code, 1)
    assert.match(message, /^There is no session /)
  }
  await client.call('sessions.create', { sessionId: 'x:1' })
  assert.deepEqual(await client.call('agent.cancel'), { cancelled: false })
  await client.call('agent.send', { message: 'hi' })
  assert.deepEqual(await client.call('agent.cancel', { session: 'x:1' }), { cancelled: false })
})

test('a tool that is cancelled gets the signal, and its call stays in the transcript without a result', async (t) => {
  const { plugin, called, answer } = slowTool()
  const { url, model } = await withModel(t, { plugins: [plugin] })
  model.reply({ text: 'Working.', toolCalls: [{ name: 'test_slow', args: {} }] })
  const client = await connect(t, url)
  const id = client.start('agent.send', { message: 'go' })
  const signal = await called
  const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve))
  await client.call('agent.cancel')
  await aborted
  answer('too late')
  assert.equal((await client.final(id)).error.code, 4)
  assert.deepEqual(told(client.frames, id), ['content Working.', 'tool_start', 'error event 4', 'error 4'])
  const { history } = await client.call('sessions.get')
  assert.equal(history.at(-1).toolCalls[0].tool, 'test.slow')
  assert.equal('result' in history.at(-1).toolCalls[0], false)

  // A conversation with a call that has no result would be refused by every provider.
  await client.call('agent.send', { message: 'again' })
  const { messages } = model.requests.at(-1)!.body
  const answered = messages.flatMap(({ content }: Frame) => content.filter(({ type }: Frame) => type === 'tool_result'))
  assert.equal(answered.length, 1)
  assert.equal(answered[0].is_error, true)
})

test('a tool that ignores its signal is left behind: the lane goes on, and what it says late is dropped', async (t) => {
  const { plugin, called, answer } = slowTool()
  const { url, model, app } = await withModel(t, { plugins: [plugin] })
  model.reply({ text: 'Working.', toolCalls: [{ name: 'test_slow', args: {} }] })
  const client = await connect(t, url)
  const id = client.start('agent.send', { message: 'go', sessionId: 'x:1' })
  await called
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const queued = client.start('agent.cancel')
  assert.deepEqual((await client.final(queued)).result, { cancelled: true })
  const waiting = client.start('agent.send', { message: 'next' })
  await client.call('system.info')
  t.mock.timers.tick(4_999)
  assert.equal(app.lanes.snapshot('x:1').state, 'stopping')
  t.mock.timers.tick(1)
  t.mock.timers.reset()
  const ended = await client.final(id)
  assert.equal(ended.error.code, 4)
  assert.equal((await client.final(waiting)).result.content, 'Hello from the model.')
  const run = await app.db.runs.get(client.events(id)[0]!.runId)
  assert.equal(run?.status, 'cancelled', 'nobody knows whether it will ever end by itself')

  const before = transcript(await client.call('sessions.get'))
  const frames = told(client.frames, id)
  answer('too late')
  await client.call('agent.send', { message: 'and then' })
  assert.deepEqual(told(client.frames, id), frames)
  assert.deepEqual(frames, ['content Working.', 'tool_start', 'error event 4', 'error 4'])
  assert.deepEqual(transcript(await client.call('sessions.get')).slice(0, before.length), before)
  assert(!JSON.stringify(await client.call('sessions.get')).includes('too late'))
})

test('a session that is deleted while it answers takes its run with it', async (t) => {
  const { url, model } = await withModel(t)
  model.reply({ text: 'One', until: never })
  const client = await connect(t, url)
  const [id, queued] = [1, 2].map((n) => client.start('agent.send', { message: `message ${n}`, sessionId: 'x:1' })) as [
    number,
    number
  ]
  await content(client, id, 'One')
  assert.deepEqual(await client.call('sessions.delete', { sessionId: 'x:1' }), { success: true })
  assert.equal((await client.final(id)).error.code, 4)
  assert.equal((await client.final(queued)).error.code, 4)
  assert.equal((await rejection(client.call('sessions.get', { sessionId: 'x:1' }))).code, 1)
  assert.equal((await client.call('agent.send', { message: 'anew', sessionId: 'x:1' })).content, 'Hello from the model.')
  assert.deepEqual(transcript(await client.call('sessions.get')), [
    'user complete: anew',
    'assistant complete: Hello from the model.'
  ])
})

test('a message that comes after a deletion begins the session anew, however close they are', async (t) => {
  const { url, model } = await withModel(t)
  model.reply({ text: 'One', until: never }, { text: 'Two' })
  const client = await connect(t, url)
  const running = client.start('agent.send', { message: 'before', sessionId: 'x:1' })
  await content(client, running, 'One')
  const deletion = client.start('sessions.delete', { sessionId: 'x:1' })
  const after = client.start('agent.send', { message: 'after', sessionId: 'x:1' })
  assert.deepEqual((await client.final(deletion)).result, { success: true })
  assert.equal((await client.final(after)).result.content, 'Two')
  assert.deepEqual(transcript(await client.call('sessions.get', { sessionId: 'x:1' })), [
    'user complete: after',
    'assistant complete: Two'
  ])
})

test('a message whose attachments are still looked into can be cancelled like any other', async (t) => {
  const { url } = await withModel(t)
  const client = await connect(t, url)
  const attachments = [{ mimeType: 'text/plain', data: Buffer.from('hello').toString('base64') }]
  const sent = client.start('agent.send', { message: 'look', sessionId: 'x:1', attachments })
  const cancel = client.start('agent.cancel', { sessionId: 'x:1' })
  assert.deepEqual((await client.final(cancel)).result, { cancelled: true })
  assert.equal((await client.final(sent)).error.code, 4)
})
