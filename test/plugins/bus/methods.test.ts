import assert from 'node:assert/strict'
import { once } from 'node:events'
import test, { type TestContext } from 'node:test'
import type { WebSocket } from 'ws'
import { MAX_SUBSCRIPTIONS } from '../../../plugins/bus/subscriptions.ts'
import { build, connect, type Frame, rejection, type TestClient, type TestGateway } from '../../helper.ts'
import { post } from '../../routes/post.ts'
import { FAILURE, result, SESSION } from './fixtures.ts'

/** A client, and the gateway's end of its socket. */
async function pair(t: TestContext, { url, app }: TestGateway): Promise<{ client: TestClient; server: WebSocket }> {
  const accepted = once(app.websocketServer, 'connection') as Promise<[WebSocket]>
  const client = await connect(t, url)
  return { client, server: (await accepted)[0] }
}

/** Everything a request was told, once the event of that name has come. */
async function toldUntil(client: TestClient, id: number, event: string): Promise<Frame[]> {
  await client.frame((frame) => frame.id === id && frame.event === event)
  return client.events(id)
}

const places = (frames: readonly Frame[]) => frames.map(({ event, runId, seq }) => [event, runId, seq])

test('a client that comes back is told what it missed, then what comes, then the result', async (t) => {
  const gateway = await build(t)
  const { bus } = gateway.app
  const client = await connect(t, gateway.url)
  const stream = bus.stream(SESSION, 'r1')
  for (const text of ['a', 'b', 'c']) stream.emit('content', { text })
  const id = client.start('sessions.resume', { sessionId: SESSION, runId: 'r1', afterSeq: 1 })
  await client.frame((frame) => frame.seq === 3)
  stream.emit('done', { content: 'abc' })
  stream.end(result('r1', 'abc'))
  assert.deepEqual((await client.final(id)).result, result('r1', 'abc').result)
  // Texts that follow each other come as one.
  assert.deepEqual(client.frames[0], {
    id,
    event: 'content',
    data: { text: 'bc' },
    sessionId: SESSION,
    runId: 'r1',
    seq: 3,
    fromSeq: 2
  })
  assert.deepEqual(places(client.events(id)).at(-1), ['done', 'r1', 4])
})

test('a run that failed is resumed like one that did not, in both dialects', async (t) => {
  const { url, app } = await build(t)
  const stream = app.bus.stream(SESSION, 'r1')
  stream.emit('error', { code: 5, message: 'it broke' })
  stream.end(FAILURE)
  for (const dialect of ['native', '2.0'] as const) {
    const client = await connect(t, url, { dialect })
    const id = client.start('sessions.resume', { session: SESSION })
    const { error } = await client.final(id)
    assert.deepEqual([error.message, dialect === 'native' ? error.code : error.data.code], ['it broke', 5])
    assert.deepEqual(places(client.events(id)), [['error', 'r1', 1]])
  }
})

test('over HTTP a run is resumed too, with its events for those who ask for them', async (t) => {
  const { url, app } = await build(t)
  const stream = app.bus.stream(SESSION, 'r1')
  for (const text of ['a', 'b']) stream.emit('content', { text })
  stream.end(result('r1', 'ab'))
  const { json } = await post(url, 'sessions.resume', { sessionId: SESSION })
  assert.deepEqual(json, result('r1', 'ab'))
  const lines = await fetch(`${url}/rpc/sessions.resume`, {
    method: 'POST',
    headers: { accept: 'application/x-ndjson', 'content-type': 'application/json' },
    body: JSON.stringify({ sessionId: SESSION, afterSeq: 1 })
  })
  const frames = (await lines.text())
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Frame)
  assert.deepEqual(
    frames.map(({ seq, result }) => seq ?? result.content),
    [2, 'ab']
  )
  const { status, json: refused } = await post(url, 'sessions.resume', {})
  assert.deepEqual([status, refused.error.code], [400, -2])
})

test('a session without a run has nothing to resume; one that is not there is error 1', async (t) => {
  const { url } = await build(t)
  const client = await connect(t, url)
  await client.call('sessions.create', { sessionId: SESSION })
  assert.deepEqual(await client.call('sessions.resume'), { sessionId: SESSION, runId: null })
  assert.equal((await rejection(client.call('sessions.resume', { sessionId: 'no:such' }))).code, 1)
  const { code, data } = await rejection(client.call('sessions.resume', { runId: 'no-such' }))
  assert.deepEqual([code, data.issues[0].path], [-2, 'params.runId'])
})

test('what is no longer kept is refused on the wire with the number from which it is', async (t) => {
  const { url, app } = await build(t)
  const client = await connect(t, url)
  const stream = app.bus.stream(SESSION, 'r1')
  for (let said = 0; said < 20; said++) stream.emit('content', { text: 'x'.repeat(1024 * 1024) })
  const { code, data } = await rejection(client.call('sessions.resume', { sessionId: SESSION, runId: 'r1' }))
  assert.deepEqual([code, data.runId, data.firstSeq], [-2, 'r1', 6])
})

test('a client that goes away while it resumes leaves nothing behind', async (t) => {
  const gateway = await build(t)
  const { bus } = gateway.app
  const { client, server } = await pair(t, gateway)
  const stream = bus.stream(SESSION, 'r1')
  stream.emit('content', { text: 'a' })
  client.start('sessions.resume', { sessionId: SESSION })
  await client.frame((frame) => frame.seq === 1)
  assert.equal(bus.held.followers, 1)
  client.socket.terminate()
  await once(server, 'close')
  assert.deepEqual([bus.held.followers, stream.readers.size], [0, 0])
})

test('a subscriber learns what is under way, and is told of every run under the id of its call', async (t) => {
  const { url, app } = await build(t)
  const { bus } = app
  const client = await connect(t, url)
  const stream = bus.stream(SESSION, 'r1')
  for (const text of ['a', 'b']) stream.emit('content', { text })
  const id = client.start('sessions.subscribe', { sessionId: SESSION })
  assert.deepEqual((await client.final(id)).result, {
    sessionId: SESSION,
    subscribed: true,
    runs: [{ runId: 'r1', seq: 2 }]
  })
  stream.emit('done', { content: 'ab' })
  stream.end(result('r1', 'ab'))
  bus.stream('test:2', 'r9').emit('content', { text: 'not for you' })
  bus.stream(SESSION, 'r2').emit('content', { text: 'c' })
  bus.stream(SESSION, 'r2').emit('tool_start', { tool: 'x', args: {}, callId: '1' })
  assert.deepEqual(places(await toldUntil(client, id, 'tool_start')), [
    ['done', 'r1', 3],
    ['content', 'r2', 1],
    ['tool_start', 'r2', 2]
  ])
})

test('a second subscription replaces the first, and after sessions.unsubscribe there is none', async (t) => {
  const { url, app } = await build(t)
  const client = await connect(t, url)
  const stream = app.bus.stream(`ws:${(await client.call('system.hello')).connectionId}`, 'r1')
  const [first, second] = [client.start('sessions.subscribe'), client.start('sessions.subscribe')]
  await client.final(second)
  stream.emit('content', { text: 'a' })
  assert.equal((await toldUntil(client, second, 'content')).length, 1)
  assert.deepEqual(client.events(first), [])
  const none = { sessionId: stream.sessionId, subscribed: false }
  assert.deepEqual(await client.call('sessions.unsubscribe'), none)
  assert.deepEqual(await client.call('sessions.unsubscribe'), none)
  stream.emit('content', { text: 'b' })
  await client.call('system.info')
  assert.equal(client.events(second).length, 1)
})

test('a notice goes to subscribers that asked for it with system.hello, without a place in a run', async (t) => {
  const { url, app } = await build(t)
  const [asked, plain] = [await connect(t, url), await connect(t, url)]
  const hello = await asked.call('system.hello', { events: ['accepted'] })
  assert.deepEqual(hello.events, ['accepted'])
  const ids = new Map<TestClient, number>()
  for (const client of [asked, plain]) {
    ids.set(client, client.start('sessions.subscribe', { sessionId: SESSION }))
    await client.final(ids.get(client)!)
  }
  const data = { messageId: 'm1', position: 0, mode: 'followup', preview: 'Hello' }
  app.bus.notify(SESSION, 'm1', 'accepted', data)
  app.bus.stream(SESSION, 'm1').emit('content', { text: 'a' })
  const told = await toldUntil(asked, ids.get(asked)!, 'content')
  assert.deepEqual(told[0], { id: ids.get(asked), event: 'accepted', data, sessionId: SESSION })
  assert.deepEqual(places(await toldUntil(plain, ids.get(plain)!, 'content')), [['content', 'm1', 1]])
})

test('a connection is told once of a run that it resumes and is subscribed to', async (t) => {
  const { url, app } = await build(t)
  const client = await connect(t, url)
  const other = await connect(t, url)
  const stream = app.bus.stream(SESSION, 'r1')
  const subscription = client.start('sessions.subscribe', { sessionId: SESSION })
  const others = other.start('sessions.subscribe', { sessionId: SESSION })
  await Promise.all([client.final(subscription), other.final(others)])
  stream.emit('content', { text: 'a' })
  const resumed = client.start('sessions.resume', { sessionId: SESSION, afterSeq: 1 })
  // Answered after the one before it was taken up.
  await client.call('system.info')
  stream.emit('content', { text: 'b' })
  stream.end(result('r1', 'ab'))
  await client.final(resumed)
  app.bus.stream(SESSION, 'r2').emit('done', { content: '' })
  assert.deepEqual(places(await toldUntil(client, subscription, 'done')), [
    ['content', 'r1', 1],
    ['done', 'r2', 1]
  ])
  assert.deepEqual(places(client.events(resumed)), [['content', 'r1', 2]])
  assert.deepEqual(places(await toldUntil(other, others, 'done')), [
    ['content', 'r1', 1],
    ['content', 'r1', 2],
    ['done', 'r2', 1]
  ])
})

test('a connection follows a hundred sessions, and is told what to do about one more', async (t) => {
  const { url, app } = await build(t)
  const client = await connect(t, url)
  for (let session = 1; session <= MAX_SUBSCRIPTIONS; session++)
    await client.call('sessions.subscribe', { sessionId: `many:${session}` })
  const { code, message } = await rejection(client.call('sessions.subscribe', { sessionId: 'many:101' }))
  assert.equal(code, 3)
  assert.match(message, /sessions\.unsubscribe/)
  // One that it has already is no more.
  await client.call('sessions.subscribe', { sessionId: 'many:1' })
  await client.call('sessions.unsubscribe', { sessionId: 'many:2' })
  await client.call('sessions.subscribe', { sessionId: 'many:101' })
  assert.equal(app.bus.held.topics, MAX_SUBSCRIPTIONS)
})

test('with its socket a connection stops following', async (t) => {
  const gateway = await build(t)
  const { client, server } = await pair(t, gateway)
  for (const sessionId of ['test:1', 'test:2']) await client.call('sessions.subscribe', { sessionId })
  assert.equal(gateway.app.bus.held.topics, 2)
  client.socket.close()
  await once(server, 'close')
  assert.equal(gateway.app.bus.held.topics, 0)
})

test('over HTTP nothing can be subscribed', async (t) => {
  const { url } = await build(t)
  for (const method of ['sessions.subscribe', 'sessions.unsubscribe']) {
    const { status, json } = await post(url, method, { sessionId: SESSION })
    assert.deepEqual([status, json.error.code], [400, -2])
    assert.match(json.error.message, /needs a WebSocket connection/)
  }
})

test('a subscriber that does not read holds up neither the run nor those who do', async (t) => {
  const gateway = await build(t, { config: { server: { sendBufferBytes: 65_536 } } })
  const [idle, reader] = [await connect(t, gateway.url), await connect(t, gateway.url)]
  const id = reader.start('sessions.subscribe', { sessionId: SESSION })
  await reader.final(id)
  await idle.call('sessions.subscribe', { sessionId: SESSION })
  idle.socket.pause()
  const stream = gateway.app.bus.stream(SESSION, 'r1')
  // Far more than a socket takes, and less than what a peer is given up for at once.
  for (let said = 0; said < 3000; said++) stream.emit('content', { text: 'x'.repeat(1000) })
  stream.emit('done', { content: '' })
  let characters = 0
  for (const { data } of await toldUntil(reader, id, 'done')) characters += data.text?.length ?? 0
  assert.equal(characters, 3_000_000)
})
