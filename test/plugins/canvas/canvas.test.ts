import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'

import { MAX_ARTIFACTS, MAX_CONTENT_BYTES } from '../../../plugins/canvas/schema.ts'
import { build, connect, type Frame, rejection } from '../../helper.ts'
import { post } from '../../routes/post.ts'

const CARD = { sessionId: 'ws:abc123', artifactId: 'summary-card', type: 'note', content: { markdown: '## Notes' } }

function gateway(t: TestContext) {
  return build(t)
}

/** A connection that is told of the canvas of a session. */
async function watching(t: TestContext, url: string, sessionId: string) {
  const client = await connect(t, url)
  await client.call('system.hello', { events: ['canvas'] })
  const id = client.start('sessions.subscribe', { sessionId })
  await client.final(id)
  return {
    client,
    /** What it was told, once everything that was sent before has come. */
    async told(): Promise<Frame[]> {
      await client.call('system.info')
      return client.events(id)
    }
  }
}

test('an artifact is put, shown, replaced, listed and deleted', async (t) => {
  const { url } = await gateway(t)
  const client = await connect(t, url)
  const before = Date.now()
  const { artifact, created } = await client.call('canvas.put', { ...CARD, title: 'Draft', metadata: { lane: 'analysis' } })
  assert.equal(created, true)
  assert.ok(artifact.createdAt >= before && artifact.createdAt === artifact.updatedAt)
  const { createdAt, updatedAt: _, ...rest } = artifact
  assert.deepEqual(rest, { ...CARD, title: 'Draft', metadata: { lane: 'analysis' }, revision: 1 })

  const { sessionId, artifactId } = CARD
  assert.deepEqual((await client.call('canvas.get', { sessionId, artifactId })).artifact, artifact)
  const second = await client.call('canvas.put', { ...CARD, content: { rows: [1, null, 'ä'], more: { deep: {} } } })
  assert.equal(second.created, false)
  assert.deepEqual([second.artifact.revision, second.artifact.createdAt, second.artifact.title], [2, createdAt, null])
  assert.equal(second.artifact.metadata, null)
  assert.deepEqual(await client.call('canvas.list', { session: sessionId }), { artifacts: [second.artifact], total: 1 })

  assert.deepEqual(await client.call('canvas.delete', { sessionId, artifactId }), { deleted: true })
  assert.deepEqual(await client.call('canvas.delete', { sessionId, artifactId }), { deleted: false })
  assert.deepEqual(await client.call('canvas.list', { sessionId }), { artifacts: [], total: 0 })
})

test('without a session, the one of the connection is meant, and over HTTP there is none to mean', async (t) => {
  const { url } = await gateway(t)
  const client = await connect(t, url)
  const { sessionId, ...card } = CARD
  await client.call('sessions.create', { sessionId })
  assert.equal((await client.call('canvas.put', card)).artifact.sessionId, sessionId)
  assert.equal((await client.call('canvas.list')).total, 1)
  assert.deepEqual(await client.call('canvas.clear'), { cleared: 1 })
  assert.deepEqual(await client.call('canvas.clear'), { cleared: 0 })
  assert.equal((await post(url, 'canvas.put', card)).json.error.code, -2)
  assert.equal((await post(url, 'canvas.put', CARD)).json.result.created, true)
})

test('a session that does not exist is error 1 for all but canvas.put, and is not made by asking', async (t) => {
  const { url, app } = await gateway(t)
  const client = await connect(t, url)
  const params = { sessionId: 'ws:nobody' }
  const one = { ...params, artifactId: 'a' }
  for (const [method, asked] of [
    ['canvas.get', one],
    ['canvas.list', params],
    ['canvas.delete', one],
    ['canvas.clear', params]
  ] as const) {
    assert.equal((await rejection(client.call(method, asked))).code, 1, method)
    assert.equal((await post(url, method, asked)).status, 404, method)
  }
  assert.equal(await app.db.sessions.get('ws:nobody'), undefined)
})

test('an artifact that does not exist is error -2, which names the param', async (t) => {
  const { url } = await gateway(t)
  const client = await connect(t, url)
  await client.call('sessions.create', { sessionId: 'ws:abc123' })
  const asked = { sessionId: 'ws:abc123', artifactId: 'none' }
  const error = await rejection(client.call('canvas.get', asked))
  assert.deepEqual([error.code, error.message], [-2, 'params.artifactId names no artifact of this session'])
  assert.equal(error.data.issues[0].path, 'params.artifactId')
  assert.equal((await post(url, 'canvas.get', asked)).status, 404)
})

test('content and metadata have at most 1 MiB together, and what is refused leaves no session behind', async (t) => {
  const { url, app } = await gateway(t)
  const client = await connect(t, url)
  const filled = (bytes: number) => ({ t: 'x'.repeat(bytes - '{"t":""}'.length) })
  const whole = { ...CARD, content: filled(MAX_CONTENT_BYTES - 100), metadata: filled(100) }
  const error = await rejection(client.call('canvas.put', { ...whole, metadata: filled(101) }))
  assert.equal(error.code, -2)
  assert.match(
    error.message,
    /^params\.content and params\.metadata are 1048577 bytes long as JSON; at most 1048576 are allowed$/
  )
  assert.equal(await app.db.sessions.get(CARD.sessionId), undefined)
  assert.equal((await client.call('canvas.put', whole)).created, true)
})

test('what an artifact must have is told, and ids with control characters are refused', async (t) => {
  const { url } = await gateway(t)
  const client = await connect(t, url)
  const wrong = async (changes: object) => (await rejection(client.call('canvas.put', { ...CARD, ...changes }))).message
  assert.match(await wrong({ artifactId: 'a\nb' }), /^params\.artifactId must be a string of 1 to 128 characters/)
  assert.match(await wrong({ artifactId: 'x'.repeat(129) }), /^params\.artifactId must be/)
  assert.match(await wrong({ content: 'text' }), /^params\.content must be an object/)
  assert.match(await wrong({ content: undefined }), /^params\.content is required/)
  assert.match(await wrong({ revision: 7 }), /^params\.revision is not known/)
})

test('a canvas has room for so many artifacts; what is on it can still be replaced, and room made', async (t) => {
  const { url, app } = await gateway(t)
  const client = await connect(t, url)
  const { sessionId } = CARD
  await app.db.sessions.open(sessionId, 1)
  for (let n = 0; n < MAX_ARTIFACTS; n++) {
    await app.db.artifacts.put({ ...CARD, artifactId: `${n}`, title: null, metadata: null }, n)
  }
  const error = await rejection(client.call('canvas.put', CARD))
  assert.equal(error.code, -2)
  assert.match(error.message, /has 500 artifacts/)
  assert.equal((await client.call('canvas.put', { ...CARD, artifactId: '7' })).artifact.revision, 2)
  await client.call('canvas.delete', { sessionId, artifactId: '8' })
  assert.equal((await client.call('canvas.put', CARD)).created, true)
  assert.equal((await client.call('canvas.list', { sessionId })).artifacts.length, 50)
  assert.equal((await client.call('canvas.list', { sessionId, limit: 500 })).artifacts.length, 500)
})

test('a list of large artifacts comes in pages that fit', async (t) => {
  const { url, app } = await gateway(t)
  const client = await connect(t, url)
  const { sessionId } = CARD
  await app.db.sessions.open(sessionId, 1)
  const content = { text: 'x'.repeat(MAX_CONTENT_BYTES - 100) }
  for (let n = 0; n < 10; n++)
    await app.db.artifacts.put({ ...CARD, content, artifactId: `${n}`, title: null, metadata: null }, n)
  const first = await client.call('canvas.list', { sessionId })
  assert.deepEqual([first.artifacts.length, first.total], [4, 10])
  const second = await client.call('canvas.list', { sessionId, offset: 4 })
  assert.deepEqual(
    [...first.artifacts, ...second.artifacts].map(({ artifactId }) => artifactId),
    ['9', '8', '7', '6', '5', '4', '3', '2']
  )
})

test('subscribers of the session who asked for it are told each change, and nobody else is', async (t) => {
  const { url } = await gateway(t)
  const { sessionId, artifactId } = CARD
  const subscriber = await watching(t, url, sessionId)
  const elsewhere = await watching(t, url, 'ws:other')
  const silent = await connect(t, url)
  const plain = silent.start('sessions.subscribe', { sessionId })
  await silent.final(plain)

  const client = await connect(t, url)
  const { artifact } = await client.call('canvas.put', CARD)
  await client.call('canvas.put', { ...CARD, artifactId: 'second' })
  await client.call('canvas.delete', { sessionId, artifactId: 'none' })
  await client.call('canvas.delete', { sessionId, artifactId: 'second' })
  await client.call('canvas.clear', { sessionId })
  await client.call('canvas.clear', { sessionId })

  const told = await subscriber.told()
  assert.deepEqual(
    told.map(({ event, sessionId: of, data }) => [event, of, data.action, data.artifactId ?? data.cleared]),
    [
      ['canvas', sessionId, 'put', artifactId],
      ['canvas', sessionId, 'put', 'second'],
      ['canvas', sessionId, 'delete', 'second'],
      ['canvas', sessionId, 'clear', 1]
    ]
  )
  const { content: _content, metadata: _metadata, ...summary } = artifact
  assert.deepEqual(told[0]?.data, { action: 'put', artifactId, created: true, artifact: summary })
  assert.deepEqual(await elsewhere.told(), [])
  await silent.call('system.info')
  assert.deepEqual(silent.events(plain), [])
})

test('the canvas goes with its session', async (t) => {
  const { url, app } = await gateway(t)
  const client = await connect(t, url)
  const { sessionId, artifactId } = CARD
  await client.call('canvas.put', CARD)
  await client.call('sessions.delete', { sessionId })
  assert.equal((await rejection(client.call('canvas.get', { sessionId, artifactId }))).code, 1)
  assert.equal(await app.db.artifacts.get(sessionId, artifactId), undefined)
})

test('what the agent puts on the canvas is told too, and is bounded in the same way', async (t) => {
  const { url } = await build(t)
  const client = await connect(t, url)
  await client.call('system.hello', { events: ['canvas'] })
  const id = client.start('sessions.subscribe', { sessionId: 'ws:abc123' })
  await client.final(id)
  const message = '/tool canvas.put {"artifactId":"card","type":"note","content":{"markdown":"# Hi"}}'
  await client.call('agent.send', { sessionId: 'ws:abc123', message })
  const told = client.events(id).filter(({ event }) => event === 'canvas')
  assert.deepEqual(
    told.map(({ data }) => [data.action, data.artifactId, data.created]),
    [['put', 'card', true]]
  )
  const { artifact } = await client.call('canvas.get', { sessionId: 'ws:abc123', artifactId: 'card' })
  assert.deepEqual(artifact.content, { markdown: '# Hi' })
})
