import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import test, { type TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { ConnectionPool } from '../../../plugins/providers/connection-pool.ts'
import {
  type ChatMessage,
  type Model,
  type ModelPart,
  type ModelSettings,
  ProviderError
} from '../../../plugins/providers/define.ts'
import { networkProviders } from '../../../plugins/providers/models.ts'
import { collect, request, textOf } from '../../contract/provider.ts'
import { type ModelServer, type Reply, startModelServer } from '../../model-server.ts'

/** Has no shape of a secret: only its value gives it away. */
const KEY = 'the canary sings/at=dawn'
const WIRES = ['anthropic', 'openai', 'openai_compatible'] as const

function open(name: string, settings: ModelSettings): Model {
  const provider = networkProviders.find((provider) => provider.name === name)
  assert.ok(provider)
  return provider.open({ apiKey: KEY, model: 'fake-1', ...settings })
}

async function start(t: TestContext, name: string, ...replies: readonly Reply[]): Promise<{ model: Model; server: ModelServer }> {
  const server = await startModelServer(t)
  server.reply(...replies)
  return { model: open(name, { baseUrl: server.baseUrl }), server }
}

/** Reads until it fails; what was thrown must be a `ProviderError` and must not tell the key in any form. */
async function failing(model: Model): Promise<{ parts: ModelPart[]; error: ProviderError }> {
  const parts: ModelPart[] = []
  try {
    for await (const part of model.stream(request('Hello?'))) parts.push(part)
  } catch (error) {
    assert.ok(error instanceof ProviderError, String(error))
    assert.equal(error.cause, undefined)
    const told = JSON.stringify({ ...error, message: error.message, stack: error.stack })
    for (const secret of [KEY, Buffer.from(KEY).toString('base64'), encodeURIComponent(KEY)]) assert.ok(!told.includes(secret))
    assert.doesNotMatch(error.message, /127\.0\.0\.1|https?:|node_modules|\n/)
    return { parts, error }
  }
  return assert.fail('it did not fail')
}

for (const name of WIRES) {
  test(`${name}: a tool goes to the wire without its dot and with its schema, and no loop runs it`, async (t) => {
    const { model, server } = await start(t, name, { toolCalls: [{ id: 'id_1', name: 'weather_lookup', args: { city: 'Rom' } }] })
    await collect(model.stream(request('Hello')))
    assert.equal(server.requests.length, 1)
    const [tool] = server.requests[0]!.body.tools.filter((tool: { name?: string; function?: { name: string } }) =>
      JSON.stringify(tool).includes('weather')
    )
    const { name: wireName, description, input_schema, parameters } = tool.function ?? tool
    assert.equal(wireName, 'weather_lookup')
    assert.equal(description, 'The tool weather.lookup')
    assert.deepEqual((input_schema ?? parameters).properties, { city: { type: 'string' } })
  })

  test(`${name}: calls and results keep the provider's own ids`, async (t) => {
    const { model, server } = await start(t, name)
    const toolCalls = [
      { callId: 'id_1', tool: 'weather.lookup', args: { city: 'Rom' } },
      { callId: 'id_2', tool: 'clock.now', args: {} }
    ]
    await collect(
      model.stream(
        request([
          { role: 'user', text: 'Weather?' },
          { role: 'assistant', text: 'Let me see.', toolCalls },
          { role: 'tool', callId: 'id_1', tool: 'weather.lookup', output: 'sunny', failed: false },
          { role: 'tool', callId: 'id_2', tool: 'clock.now', output: 'no clock', failed: true }
        ])
      )
    )
    const { messages } = server.requests[0]!.body
    if (name === 'anthropic') {
      assert.deepEqual(messages[1].content, [
        { type: 'text', text: 'Let me see.' },
        { type: 'tool_use', id: 'id_1', name: 'weather_lookup', input: { city: 'Rom' } },
        { type: 'tool_use', id: 'id_2', name: 'clock_now', input: {} }
      ])
      assert.deepEqual(messages[2].content, [
        { type: 'tool_result', tool_use_id: 'id_1', content: 'sunny' },
        { type: 'tool_result', tool_use_id: 'id_2', content: 'no clock', is_error: true }
      ])
    } else {
      const [, , assistant, first, second] = messages
      assert.equal(assistant.content, 'Let me see.')
      assert.deepEqual(assistant.tool_calls, [
        { id: 'id_1', type: 'function', function: { name: 'weather_lookup', arguments: '{"city":"Rom"}' } },
        { id: 'id_2', type: 'function', function: { name: 'clock_now', arguments: '{}' } }
      ])
      assert.deepEqual(first, { role: 'tool', tool_call_id: 'id_1', content: 'sunny' })
      assert.equal(second.tool_call_id, 'id_2')
      assert.match(second.content, /no clock/)
    }
  })

  test(`${name}: the key, the system text, the model and a limit of tokens are sent`, async (t) => {
    const { model, server } = await start(t, name)
    await collect(model.stream(request('Hello')))
    const { headers, body, path } = server.requests[0]!
    assert.equal(path, name === 'anthropic' ? '/v1/messages' : '/v1/chat/completions')
    assert.equal(
      name === 'anthropic' ? headers['x-api-key'] : headers.authorization,
      name === 'anthropic' ? KEY : `Bearer ${KEY}`
    )
    assert.match(JSON.stringify(body.system ?? body.messages[0]), /Be brief\./)
    assert.equal(body.model, 'fake-1')
    assert.equal(body.max_tokens ?? body.max_completion_tokens, 8192)
    assert.equal(body.stream, true)
  })

  test(`${name}: a small context window leaves three quarters to the question, and max_output_tokens decides`, async (t) => {
    const server = await startModelServer(t)
    await collect(open(name, { baseUrl: server.baseUrl, contextWindow: 4096 }).stream(request('Hello')))
    await collect(open(name, { baseUrl: server.baseUrl, maxOutputTokens: 77 }).stream(request('Hello')))
    assert.deepEqual(
      server.requests.map(({ body }) => body.max_tokens),
      [1024, 77]
    )
  })

  test(`${name}: input tokens include what came from the cache`, async (t) => {
    const usage = { input: 10, cacheRead: 300, cacheWrite: 20, output: 5 }
    const { model } = await start(t, name, { text: 'Hi', usage })
    const finish = (await collect(model.stream(request('Hello')))).at(-1)
    assert.deepEqual(finish, { type: 'finish', reason: 'stop', usage: { inputTokens: 330, outputTokens: 5 } })
  })

  test(`${name}: an image goes out as one, a text file as text, a file it cannot read as a note`, async (t) => {
    const { model, server } = await start(t, name)
    const attachments = [
      { mimeType: 'image/png', data: 'iVBORw0KGgo=' },
      { mimeType: 'text/csv', data: Buffer.from('a;b').toString('base64'), filename: 'table.csv' },
      { mimeType: 'application/zip', data: 'UEsDBA==', filename: 'all.zip' }
    ]
    await collect(model.stream(request([{ role: 'user', text: 'Look', attachments }])))
    const { content } = server.requests[0]!.body.messages.at(-1)
    const image =
      name === 'anthropic'
        ? { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } }
        : { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } }
    assert.deepEqual(content, [
      { type: 'text', text: 'Look' },
      image,
      { type: 'text', text: 'Attached file "table.csv" (text/csv, 3 bytes):\na;b' },
      { type: 'text', text: '[Attached file "all.zip" (application/zip, 4 bytes): this model cannot read files of this type.]' }
    ])
  })

  test(`${name}: characters that are split between packets arrive whole, wherever the split is`, async (t) => {
    const server = await startModelServer(t)
    const model = open(name, { baseUrl: server.baseUrl })
    const text = fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 1, max: 9 }), async (text, packet) => {
        server.reply({ text, packet })
        assert.equal(textOf(await collect(model.stream(request('Hello')))), text.join(''))
      }),
      { numRuns: 15 }
    )
  })

  test(`${name}: a huge answer arrives whole`, async (t) => {
    const text = Array.from({ length: 2000 }, (_, n) => `${n} ${'x'.repeat(500)}\n`)
    const { model } = await start(t, name, { text })
    assert.equal(textOf(await collect(model.stream(request('Hello')))), text.join(''))
  })

  test(`${name}: an answer at the limit of tokens says so`, async (t) => {
    const { model } = await start(t, name, { text: 'And then', finish: 'length' })
    const finish = (await collect(model.stream(request('Hello')))).at(-1)
    assert.equal(finish?.type === 'finish' && finish.reason, 'length')
  })

  test(`${name}: a text that a filter stopped is the answer, none at all is a failure`, async (t) => {
    const { model } = await start(t, name, { text: 'I would rather not', finish: 'filter' }, { finish: 'filter' })
    assert.equal((await collect(model.stream(request('Hello')))).at(-1)?.type, 'finish')
    const { error } = await failing(model)
    assert.match(error.message, /declined to answer/)
    assert.equal(error.retryable, false)
  })

  for (const fault of ['cut', 'end', 'error', 'malformed'] as const) {
    test(`${name}: after '${fault}' in the middle the call fails and may be tried again`, async (t) => {
      const { model } = await start(t, name, { text: ['one ', 'two '], fault })
      const { parts, error } = await failing(model)
      assert.equal(textOf(parts), 'one two ')
      assert.ok(parts.every(({ type }) => type === 'text'))
      assert.equal(error.retryable, true)
      assert.match(error.message, /^The model provider \w+ (broke off|sent an answer|is overloaded|failed)/)
    })

    test(`${name}: a tool call that '${fault}' follows is never yielded`, async (t) => {
      const { model } = await start(t, name, { toolCalls: [{ name: 'clock_now', args: {} }], fault })
      const { parts } = await failing(model)
      assert.deepEqual(parts, [])
    })
  }

  test(`${name}: a line that cannot be parsed does not get into the log's words`, async (t) => {
    const { model } = await start(t, name, { text: 'x', fault: 'malformed' })
    const { error } = await failing(model)
    assert.equal(error.detail, 'an event is no JSON')
  })

  for (const [status, retryable, words] of [
    [401, false, /refused the key \(HTTP 401\): check its api_key/],
    [403, false, /refused the key \(HTTP 403\)/],
    [404, false, /does not know the model 'fake-1' \(HTTP 404\)/],
    [413, false, /conversation is too large \(HTTP 413\)/],
    [400, false, /refused the request \(HTTP 400\)/],
    [429, true, /limits how much it is asked \(HTTP 429\)/],
    [500, true, /failed \(HTTP 500\)/],
    [529, true, /is overloaded \(HTTP 529\)/]
  ] as const) {
    test(`${name}: HTTP ${status} says what to do, and the key it echoes is masked`, async (t) => {
      const { model, server } = await start(t, name, { status, message: `no: ${KEY} and Bearer ${KEY}` })
      const { parts, error } = await failing(model)
      assert.deepEqual(parts, [])
      assert.equal(error.status, status)
      assert.equal(error.retryable, retryable)
      assert.match(error.message, words)
      assert.match(error.detail ?? '', /no: \*\*\*/)
      assert.equal(server.requests.length, 1, 'no retry of its own')
    })
  }

  test(`${name}: 429 tells when to try again`, async (t) => {
    const { model } = await start(t, name, { status: 429, headers: { 'retry-after': '20' } }, { status: 429 })
    assert.equal((await failing(model)).error.retryAfterMs, 20_000)
    assert.equal((await failing(model)).error.retryAfterMs, undefined)
  })

  test(`${name}: a redirect is not followed, so that the key stays here`, async (t) => {
    const elsewhere = await startModelServer(t)
    const { model } = await start(t, name, { redirect: `${elsewhere.baseUrl}/messages` })
    await failing(model)
    assert.equal(elsewhere.requests.length, 0)
  })

  test(`${name}: a server that cannot be reached is named as such`, async () => {
    const { error } = await failing(open(name, { baseUrl: 'http://127.0.0.1:1/v1' }))
    assert.match(error.message, /could not be reached: check base_url/)
    assert.equal(error.retryable, true)
  })

  for (const [when, reply] of [
    ['before the headers', { silence: true }],
    ['after the first part', { text: 'one ', fault: 'hang' }]
  ] as const) {
    test(`${name}: an abort while the provider hangs ${when} ends the call and closes its connection`, async (t) => {
      const { model, server } = await start(t, name, reply)
      const controller = new AbortController()
      const arrived = server.next()
      const call = collect(model.stream(request('Hello', { signal: controller.signal })))
      call.catch(() => {})
      const received = await arrived
      if ('text' in reply) await received.written
      const reason = new Error('the user has gone')
      controller.abort(reason)
      await assert.rejects(call, (thrown) => thrown === reason)
      await received.closed
    })
  }

  test(`${name}: a consumer that stops reading closes the provider's connection`, async (t) => {
    const { model, server } = await start(t, name, { text: 'one ', fault: 'hang' })
    const arrived = server.next()
    for await (const _ of model.stream(request('Hello'))) break
    await (await arrived).closed
  })

  test(`${name}: a finished call leaves nothing on the signal of its turn`, async (t) => {
    const { model } = await start(t, name)
    const { signal } = new AbortController()
    const added = t.mock.method(signal, 'addEventListener')
    const removed = t.mock.method(signal, 'removeEventListener')
    await collect(model.stream(request('Hello', { signal })))
    assert.equal(added.mock.callCount(), 1)
    assert.equal(removed.mock.callCount(), 1)
    assert.equal(removed.mock.calls[0]?.arguments[1], added.mock.calls[0]?.arguments[1])
  })

  test(`${name}: calls with the same id, or none, get ids of their own`, async (t) => {
    const toolCalls = ['same', 'same', ''].map((id) => ({ id, name: 'clock_now', args: {} }))
    const { model } = await start(t, name, { toolCalls })
    const parts = await collect(model.stream(request('Hello')))
    const ids = parts.flatMap((part) => (part.type === 'tool_call' ? [part.call.callId] : []))
    assert.equal(new Set(ids).size, 3)
    assert.ok(ids.every((id) => id !== ''))
  })

  test(`${name}: what went wrong does not reach the console`, async (t) => {
    const written = t.mock.method(process.stderr, 'write', () => true)
    const { model } = await start(t, name, { status: 500 }, { text: 'x', fault: 'error' })
    await failing(model)
    await failing(model)
    assert.equal(written.mock.callCount(), 0)
  })

  test(`${name}: what the SDK warns about does not reach the process`, async (t) => {
    const warnings: Error[] = []
    const listener = (warning: Error) => warnings.push(warning)
    process.on('warning', listener)
    t.after(() => process.off('warning', listener))
    const server = await startModelServer(t)
    // Known to the SDK, with a lower limit than this.
    const model = open(name, { baseUrl: server.baseUrl, model: 'claude-3-haiku-20240307', maxOutputTokens: 1_000_000 })
    await collect(model.stream(request('Hello')))
    await setImmediate()
    assert.deepEqual(warnings, [])
  })
}

test('closed, a model leaves no connection to its provider behind', async (t) => {
  const { model, server } = await start(t, 'openai_compatible', { text: 'Hello' })
  await collect(model.stream(request('Hello?')))
  const { socket } = server.requests[0]!
  assert.equal(socket.destroyed, false)
  const gone = once(socket, 'close')
  await model.close?.()
  await gone
})

test('without a key a local server gets no Authorization header', async (t) => {
  const server = await startModelServer(t)
  await collect(open('ollama', { baseUrl: server.baseUrl, apiKey: undefined }).stream(request('Hello')))
  assert.equal(server.requests[0]?.headers.authorization, undefined)
})

test('a server that gives two calls the same id, or none, gets them told apart', async (t) => {
  const toolCalls = ['same', 'same', ''].map((id) => ({ id, name: 'clock_now', args: {} }))
  const { model } = await start(t, 'openai_compatible', { toolCalls })
  const ids = (await collect(model.stream(request('Hello')))).flatMap((part) =>
    part.type === 'tool_call' ? [part.call.callId] : []
  )
  assert.equal(new Set(ids).size, 3)
  assert.ok(ids.every((id) => id !== ''))
})

test('keys and addresses in the environment of the process are not looked at', async (t) => {
  const { model, server } = await start(t, 'anthropic')
  const elsewhere = await startModelServer(t)
  const before = { ...process.env }
  t.after(() => {
    process.env = before
  })
  process.env.ANTHROPIC_API_KEY = 'sk-ant-from-the-environment'
  process.env.ANTHROPIC_BASE_URL = elsewhere.baseUrl
  await collect(model.stream(request('Hello')))
  await collect(open('anthropic', { baseUrl: server.baseUrl, apiKey: undefined }).stream(request('Hello')))
  assert.equal(server.requests.length, 2)
  assert.equal(server.requests[1]?.headers['x-api-key'], '')
  assert.equal(elsewhere.requests.length, 0)
})

test('an address without a path is taken to mean /v1', async (t) => {
  const server = await startModelServer(t)
  await collect(open('llamacpp', { baseUrl: new URL(server.baseUrl).origin }).stream(request('Hello')))
  await collect(open('llamacpp', { baseUrl: `${server.baseUrl}/` }).stream(request('Hello')))
  assert.deepEqual(
    server.requests.map(({ path }) => path),
    ['/v1/chat/completions', '/v1/chat/completions']
  )
})

for (const [provider, settings, message] of [
  ['anthropic', { model: undefined }, /^model must be set$/],
  ['openai', { apiKey: undefined }, /^api_key must be set$/],
  ['openai_compatible', {}, /^base_url must be set$/],
  ['ollama', { baseUrl: 'localhost:11434' }, /^base_url must be a URL that starts with http/],
  ['ollama', { baseUrl: 'not a url' }, /^base_url must be a URL that starts with http/],
  ['ollama', { baseUrl: 'http://me:secret@127.0.0.1/v1' }, /^base_url must not contain a user name or password: use api_key$/],
  ['ollama', { baseUrl: 'http://127.0.0.1/v1?key=secret' }, /^base_url must not contain a query/]
] as const) {
  test(`${provider} with ${JSON.stringify(settings)} is refused before anything is asked`, () => {
    assert.throws(() => open(provider, settings), { message })
  })
}

test('a model keeps its key to itself', () => {
  const model = open('anthropic', {})
  assert.doesNotMatch(JSON.stringify(model), /canary/)
})

test('a conversation that was interrupted can go on with every provider', async (t) => {
  const broken: ChatMessage[] = [
    { role: 'user', text: 'First' },
    {
      role: 'assistant',
      text: '',
      toolCalls: ['first.one', 'second.one'].map((callId) => ({ callId, tool: 'clock.now', args: {} }))
    },
    { role: 'tool', callId: 'first.one', tool: 'clock.now', output: 'noon', failed: false },
    { role: 'tool', callId: 'second.one', tool: 'clock.now', output: 'interrupted', failed: true },
    { role: 'user', text: 'Still there?' },
    { role: 'assistant', text: ' ' },
    { role: 'user', text: '' }
  ]
  for (const name of WIRES) {
    const { model, server } = await start(t, name, { text: 'Yes.' })
    assert.equal(textOf(await collect(model.stream(request(broken)))), 'Yes.')
    assert.match(JSON.stringify(server.requests[0]?.body.messages), /noon.*interrupted/)
  }
})

test('a request on a connection that the server has just closed is sent once more', async (t) => {
  const used = new Set<Socket>()
  let resets = 0
  const server = createServer(({ socket }, response) => {
    if (used.has(socket)) {
      resets++
      socket.resetAndDestroy()
    } else response.end('answer')
    used.add(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const pool = new ConnectionPool()
  t.after(async () => {
    await pool.close()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const ask = async () => {
    const { body } = await pool.post(`http://127.0.0.1:${port}/`, { headers: {}, body: '{}', signal: t.signal })
    assert.equal(await text(body), 'answer')
  }
  // Three connections are kept, and all of them are closed when they are used again.
  await Promise.all([ask(), ask(), ask()])
  assert.equal(used.size, 3)
  // They are free for the next call a turn later.
  await setImmediate()
  await ask()
  assert.equal(resets, 1)
})

test('an event without an end is broken off', async (t) => {
  const closed = Promise.withResolvers<void>()
  const piece = 'x'.repeat(1024 * 1024)
  const server = createServer((_request, response) => {
    const more = () => {
      while (!response.destroyed && response.write(piece)) {}
    }
    response.on('drain', more).on('close', closed.resolve).writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('data: ')
    more()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { error } = await failing(open('openai', { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1` }))
  assert.match(error.detail ?? '', /without an end/)
  await closed.promise
})
