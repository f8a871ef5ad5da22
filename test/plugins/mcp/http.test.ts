import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import test from 'node:test'
import { promisify } from 'node:util'
import { createMcpHandler, WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server'
import { rejection } from '../../helper.ts'
import { exampleServer } from './fixtures/tools.ts'
import { rig, serve } from './fixtures.ts'

const HELLO = { output: 'Hello', attachments: [] }
const CANARY = 'Bearer canary-of-the-configuration'

/** A server that knows its clients by their sessions, and can forget them. */
class Sessions {
  readonly #transports = new Map<string, WebStandardStreamableHTTPServerTransport>()

  readonly answer = async (request: Request): Promise<Response> => {
    const id = request.headers.get('mcp-session-id')
    const known = id && this.#transports.get(id)
    if (known) return await known.handleRequest(request)
    if (id) return new Response('no such session', { status: 404 })
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (session) => {
        this.#transports.set(session, transport)
      }
    })
    await exampleServer().connect(transport)
    return await transport.handleRequest(request)
  }

  get ids(): string[] {
    return [...this.#transports.keys()]
  }

  async forget(): Promise<void> {
    for (const transport of this.#transports.values()) await transport.close()
    this.#transports.clear()
  }
}

for (const legacy of ['stateless', 'reject'] as const) {
  test(`a server without sessions is used over HTTP (requests of before 2026: ${legacy})`, async (t) => {
    const seen: (string | null)[] = []
    const handler = createMcpHandler(exampleServer, { legacy })
    t.after(() => handler.close())
    const url = await serve(t, (request) => {
      seen.push(request.headers.get('authorization'))
      return handler.fetch(request)
    })
    const { call } = rig(t, { url, headers: { Authorization: CANARY } })
    assert.deepEqual(await call('echo', { text: 'Hello' }), HELLO)
    assert.ok(seen.length > 2 && seen.every((value) => value === CANARY))
  })
}

test('a session that the server has forgotten is opened anew, and the call made again', async (t) => {
  const sessions = new Sessions()
  const { call, journal } = rig(t, { url: await serve(t, sessions.answer) })
  assert.deepEqual(await call('echo', { text: 'Hello' }), HELLO)
  const [first] = sessions.ids
  await sessions.forget()
  assert.deepEqual(await call('echo', { text: 'Hello' }), HELLO)
  assert.notEqual(sessions.ids[0], first)
  assert.equal(journal.entries.filter(({ level }) => level === 'warn').length, 0)
})

test('a list that changes is read again, over the stream of the session', async (t) => {
  const sessions = new Sessions()
  const { call, journal } = rig(t, { url: await serve(t, sessions.answer) }, { limits: { refreshMs: 1 } })
  await call('grow')
  await journal.entry('has changed its list')
  assert.deepEqual(await call('grown'), { output: 'grown', attachments: [] })
})

test('a redirect to another origin is not followed: the headers hold credentials', async (t) => {
  let asked = 0
  const other = await serve(t, () => {
    asked++
    return new Response('', { status: 500 })
  })
  const url = await serve(t, () => Response.redirect(other, 307))
  const { server, journal } = rig(t, { url, headers: { authorization: CANARY } })
  assert.deepEqual(await server.tools(), [])
  assert.equal((await journal.entry('not running')).data.reason, 'it answered with HTTP 307')
  assert.equal(asked, 0)
})

test('the reason of a failure holds no address and no headers', async (t) => {
  const nobody = createServer().listen(0, '127.0.0.1')
  await once(nobody, 'listening')
  const { port } = nobody.address() as AddressInfo
  await promisify(nobody.close.bind(nobody))()
  const { server, journal } = rig(t, { url: `http://127.0.0.1:${port}/mcp?key=canary`, headers: { authorization: CANARY } })
  assert.deepEqual(await server.tools(), [])
  assert.equal((await journal.entry('not running')).data.reason, 'it cannot be reached (ECONNREFUSED)')
  const refusing = await serve(t, (request) => new Response(`not ${request.headers.get('authorization')}`, { status: 401 }))
  const second = rig(t, { url: `${refusing}?key=canary`, headers: { authorization: CANARY } })
  assert.deepEqual(await second.server.tools(), [])
  assert.equal((await second.journal.entry('not running')).data.reason, 'it answered with HTTP 401')
  assert.ok(!JSON.stringify([journal.entries, second.journal.entries]).includes('canary'))
})

test('a server with only HTTP and SSE of 2024 is named as such', async (t) => {
  const table: [refusal: number, old: boolean][] = [
    [404, true],
    [405, true],
    [400, true],
    [405, false]
  ]
  for (const [status, old] of table) {
    const url = await serve(t, ({ method }) => {
      if (method !== 'GET') return new Response('no', { status })
      const body = new ReadableStream({
        start: (controller) => controller.enqueue(Buffer.from(`event: ${old ? 'endpoint' : 'message'}\ndata: /messages\n\n`))
      })
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
    })
    const { server, journal } = rig(t, { url }, { limits: { graceMs: 500 } })
    assert.deepEqual(await server.tools(), [])
    const { reason } = (await journal.entry('not running')).data
    if (old) assert.match(String(reason), /^it speaks only HTTP with SSE of 2024/)
    else assert.equal(reason, `it answered with HTTP ${status}`)
  }
})

test('an answer without end ends the connection', async (t) => {
  const handler = createMcpHandler(exampleServer)
  let flooding = false
  const url = await serve(t, (request) => {
    if (!flooding) return handler.fetch(request)
    const body = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(65_536).fill(32)) })
    return new Response(body, { headers: { 'content-type': 'application/json' } })
  })
  const { call, journal, tool } = rig(t, { url })
  await tool('echo')
  flooding = true
  const reason = 'it sent a message of more than 16777216 bytes'
  assert.equal((await rejection(call('echo', { text: 'x' }))).message, `MCP server 'example' failed: ${reason}`)
  assert.equal((await journal.entry('not running')).data.reason, reason)
})

test('a server that accepts and never answers is given up', async (t) => {
  const url = await serve(t, () => new Promise<Response>(() => {}))
  const { server, journal } = rig(t, { url }, { limits: { startMs: 200 } })
  assert.deepEqual(await server.tools(), [])
  assert.equal((await journal.entry('not running')).data.reason, 'it was not ready within 0.2 seconds')
})

test('a stream that its server closes is opened again from its last event', async (t) => {
  const opened: (string | null)[] = []
  const again = Promise.withResolvers<void>()
  const sessions = new Sessions()
  const url = await serve(t, (request) => {
    if (request.method !== 'GET') return sessions.answer(request)
    opened.push(request.headers.get('last-event-id'))
    if (opened.length === 2) again.resolve()
    const body = opened.length === 1 ? 'id: event-1\nretry: 1\ndata: \n\n' : new ReadableStream()
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
  })
  const { tool } = rig(t, { url })
  await tool('echo')
  await again.promise
  assert.deepEqual(opened, [null, 'event-1'])
})
