import assert from 'node:assert/strict'
import test from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { context, ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api'
import { Type } from '@sinclair/typebox'
import { databaseIn, open } from '../../../db/client.ts'
import { gatewayPlugin } from '../../../plugins/define.ts'
import { defineTool } from '../../../plugins/tools/define.ts'
import { Tracing } from '../../../plugins/tracing/tracing.ts'
import { build, connect, rejection, scratch } from '../../helper.ts'
import { slowTool, withModel } from '../agent/fixtures.ts'
import { failedWith, idOf, PARENT, parentOf, Spans, TRACE, TRACEPARENT, traceOf } from './fixtures.ts'

const spans = new Spans()

test('a request, its run, its model calls and its tool calls are one trace, below what the client names', async (t) => {
  spans.begin(t)
  const { url, model } = await withModel(t)
  model.reply({ toolCalls: [{ name: 'file_list', args: {} }], usage: { input: 9, output: 2 } })
  model.reply({ text: 'done', usage: { input: 20, output: 4 } })
  const client = await connect(t, url)
  client.send({ id: 7, method: 'agent.send', params: { message: 'list', sessionId: 'x:1' }, traceparent: TRACEPARENT })
  const { result } = await client.final(7)

  const request = await spans.ended(({ name }) => name === 'agent.send')
  const [run] = spans.named('invoke_agent')
  const [tool] = spans.named('execute_tool file.list')
  const calls = spans.named('chat test-model')
  assert.ok(run && tool)
  assert.deepEqual(spans.all().map(traceOf), Array(5).fill(TRACE))
  assert.equal(parentOf(request), PARENT)
  assert.equal(parentOf(run), idOf(request))
  assert.deepEqual([...calls, tool].map(parentOf), Array(3).fill(idOf(run)))
  assert.deepEqual(
    [request, run, tool, ...calls].map(({ kind }) => kind),
    [SpanKind.SERVER, SpanKind.INTERNAL, SpanKind.INTERNAL, SpanKind.CLIENT, SpanKind.CLIENT]
  )
  assert.deepEqual(request.attributes, { 'rpc.system.name': 'jsonrpc', 'rpc.method': 'agent.send' })
  assert.deepEqual(run.attributes, {
    'gen_ai.operation.name': 'invoke_agent',
    'gen_ai.conversation.id': 'x:1',
    'flynn.run.id': result.runId,
    'gen_ai.usage.input_tokens': 29,
    'gen_ai.usage.output_tokens': 6
  })
  assert.deepEqual(calls[1]?.attributes, {
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': 'anthropic',
    'gen_ai.request.model': 'test-model',
    'gen_ai.usage.input_tokens': 20,
    'gen_ai.usage.output_tokens': 4
  })
  assert.deepEqual(tool.attributes, {
    'gen_ai.operation.name': 'execute_tool',
    'gen_ai.tool.name': 'file.list',
    'gen_ai.conversation.id': 'x:1'
  })
})

test('a parent is taken from frames of both dialects, from each request of a batch, and from the headers of HTTP', async (t) => {
  spans.begin(t)
  const { url } = await build(t)
  const client = await connect(t, url, { headers: { traceparent: TRACEPARENT } })
  const parent = (n: number): string => `00-${TRACE}-${String(n).padStart(16, '0')}-01`
  client.send({ id: 100, method: 'system.info', traceparent: parent(1) })
  client.send({ jsonrpc: '2.0', id: 'two', method: 'system.info', traceparent: parent(2) })
  client.send([
    { jsonrpc: '2.0', id: 'three', method: 'system.info', traceparent: parent(3) },
    { jsonrpc: '2.0', id: 'four', method: 'system.info', traceparent: parent(4) }
  ])
  await client.frame((frame) => Array.isArray(frame))
  await fetch(`${url}/rpc/system.info`, { method: 'POST', headers: { traceparent: parent(5) } })
  const parents = spans.named('system.info').map(parentOf)
  assert.deepEqual(
    parents,
    [1, 2, 3, 4, 5].map((n) => String(n).padStart(16, '0'))
  )
  // The handshake may be days old: what it says is no parent.
  await client.call('system.info')
  assert.equal(parentOf(spans.named('system.info').at(-1)!), undefined)
})

test('a traceparent that is none begins a trace anew, and is never an error', async (t) => {
  spans.begin(t)
  const { url } = await build(t)
  const client = await connect(t, url)
  const none = [
    '',
    'nonsense',
    7,
    null,
    {},
    ['00'],
    `00-${'0'.repeat(32)}-${PARENT}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `ff-${TRACE}-${PARENT}-01`,
    `${TRACEPARENT}-more`,
    TRACEPARENT.toUpperCase(),
    `00-${TRACE}-${PARENT}-01${'-x'.repeat(10_000)}`
  ]
  for (const [index, traceparent] of none.entries()) {
    client.send({ id: index + 1, method: 'system.info', traceparent })
    assert.ok((await client.final(index + 1)).result)
  }
  for (const traceparent of ['nonsense', `${TRACEPARENT}, ${TRACEPARENT}`]) {
    const answer = await fetch(`${url}/rpc/system.info`, { method: 'POST', headers: { traceparent } })
    assert.equal(answer.status, 200)
  }
  const found = spans.named('system.info')
  assert.equal(found.length, none.length + 2)
  assert.deepEqual(new Set(found.map(parentOf)), new Set([undefined]))
})

test("a host's own span of the request is the parent, whatever the client says", async (t) => {
  spans.begin(t)
  const { app } = await build(t)
  const host = trace.getTracer('host').startSpan('GET /')
  const ctx = { app, caller: { id: 'local', scopes: new Set(['admin'] as const) }, connection: undefined, log: app.log }
  context.with(trace.setSpan(ROOT_CONTEXT, host), () =>
    app.rpc.call('system.info', {}, { ...ctx, signal: new AbortController().signal, traceparent: TRACEPARENT, emit() {} })
  )
  assert.equal(parentOf(spans.named('system.info')[0]!), host.spanContext().spanId)
})

test('a run that had to wait is below the request that asked for it, and not below the one before it', async (t) => {
  spans.begin(t)
  const { plugin, called, answer } = slowTool()
  const { app, url, model } = await withModel(t, { plugins: [plugin] })
  model.reply({ toolCalls: [{ name: 'test_slow', args: {} }] })
  const client = await connect(t, url)
  const first = client.start('agent.send', { message: 'one', sessionId: 'x:1' })
  await called
  client.send({ id: 50, method: 'agent.send', params: { message: 'two', sessionId: 'x:1' }, traceparent: TRACEPARENT })
  while (app.lanes.snapshot('x:1').depth < 1) await setImmediate()
  answer('at last')
  await client.final(first)
  const { result } = await client.final(50)
  const request = await spans.ended((span) => span.name === 'agent.send' && parentOf(span) === PARENT)
  const run = spans.named('invoke_agent').find(({ attributes }) => attributes['flynn.run.id'] === result.runId)!
  assert.equal(parentOf(run), idOf(request))
  const [other] = spans.named('invoke_agent')
  assert.notEqual(traceOf(other!), TRACE)
})

test('messages that are answered together are one run, linked with the requests of the others', async (t) => {
  spans.begin(t)
  const { plugin, called, answer } = slowTool()
  const { app, url, model } = await withModel(t, { plugins: [plugin], lanes: { default: { mode: 'collect', debounceMs: 0 } } })
  model.reply({ toolCalls: [{ name: 'test_slow', args: {} }] })
  const client = await connect(t, url)
  const first = client.start('agent.send', { message: 'one', sessionId: 'x:1' })
  await called
  const more = ['two', 'three'].map((message) => client.start('agent.send', { message, sessionId: 'x:1' }))
  while (app.lanes.snapshot('x:1').depth < 2) await setImmediate()
  answer('at last')
  for (const id of [first, ...more]) await client.final(id)
  const run = spans.named('invoke_agent').at(-1)!
  const requests = spans.named('agent.send')
  assert.equal(requests.length, 3)
  const others = requests.filter(
    (span) => parentOf(run) !== idOf(span) && run.links.some((it) => it.context.spanId === idOf(span))
  )
  assert.equal(others.length, 1)
  assert.equal(run.links.length, 1)
})

test('after a restart what waited runs in a trace of its own', async (t) => {
  spans.begin(t)
  const dataDir = await scratch(t)
  const db = await open({ file: databaseIn(dataDir) })
  const policy = { mode: 'followup', cap: 20, overflow: 'drop_old', debounceMs: 0, summarizeOverflow: true } as const
  const body = { message: 'say one', attachments: [] }
  const rest = { owner: 'local', priority: 'person', policy, preview: body.message, body } as const
  await db.queue.accept({ id: 'one', sessionId: 'x:1', acceptedAt: 1, ...rest })
  await db.close()
  await build(t, { config: { dataDir } })
  const run = await spans.ended(({ name }) => name === 'invoke_agent')
  assert.equal(parentOf(run), undefined)
  assert.equal(run.attributes['flynn.run.id'], 'one')
})

test('a webhook is a request too, and what a tool does for a client is below its request', async (t) => {
  spans.begin(t)
  const { url } = await build(t, { config: { webhooks: { hook: { allowUnsigned: true, session: 'webhook:1' } } } })
  await fetch(`${url}/webhooks/hook`, { method: 'POST', headers: { traceparent: TRACEPARENT }, body: '{"a":1}' })
  const run = await spans.ended(({ name }) => name === 'invoke_agent')
  const [inbound] = spans.named('POST /webhooks/:name')
  assert.equal(parentOf(inbound!), PARENT)
  assert.equal(parentOf(run), idOf(inbound!))
  const client = await connect(t, url)
  for (const sessionId of ['x:1', 'x:2']) await client.call('tools.execute', { tool: 'file.list', sessionId })
  assert.deepEqual(spans.named('execute_tool file.list').map(parentOf), spans.named('tools.execute').map(idOf))
})

test('what fails says so by the name of the error, and no span holds a text, an argument or a message of an error', async (t) => {
  spans.begin(t)
  const canary = 'canary-7d41'
  const { url, model } = await withModel(t)
  model.reply({ toolCalls: [{ name: 'file_read', args: { path: canary } }] })
  model.reply({ text: canary })
  const client = await connect(t, url)
  await client.call('agent.send', { message: canary, sessionId: 'x:1' })
  // 401: a refusal with another status is tried again with less.
  model.reply({ status: 401, message: canary })
  await rejection(client.call('agent.send', { message: canary, sessionId: 'x:1' }))
  await rejection(client.call('system.info', { [canary]: 1 }))
  await rejection(client.call(`made.up.${canary}`))

  const request = spans.named('agent.send').at(-1)!
  assert.equal(failedWith(request), 'InternalError')
  assert.equal(failedWith(spans.named('invoke_agent').at(-1)!), 'InternalError')
  assert.equal(failedWith(spans.named('chat test-model').at(-1)!), 'ProviderError')
  assert.equal(failedWith(spans.named('execute_tool file.read')[0]!), 'tool_error')
  assert.equal(failedWith(spans.named('system.info')[0]!), 'InvalidRequest')
  assert.equal(failedWith(spans.named('unknown')[0]!), 'MethodNotFound')
  const told = spans.all().map(({ name, attributes, events, status }) => ({ name, attributes, events, status }))
  assert.doesNotMatch(JSON.stringify(told), new RegExp(canary))
})

test('what a tool does that is traced too is below its span', async (t) => {
  spans.begin(t)
  const traced = gatewayPlugin({ name: 'traced-tool', dependencies: ['tools'] }, async (app) => {
    app.tools.add(
      defineTool({
        name: 'test.traced',
        description: 'Does something that is traced',
        input: Type.Object({}, { additionalProperties: false }),
        async run() {
          await setImmediate()
          trace.getTracer('tool').startSpan('inside').end()
          return ''
        }
      })
    )
  })
  const { url, model } = await withModel(t, { plugins: [traced] })
  model.reply({ toolCalls: [{ name: 'test_traced', args: {} }] })
  const client = await connect(t, url)
  await client.call('agent.send', { message: 'go', sessionId: 'x:1' })
  assert.equal(parentOf(spans.named('inside')[0]!), idOf(spans.named('execute_tool test.traced')[0]!))
})

test('every span ends where a run is cancelled in the middle of a model call', async (t) => {
  spans.begin(t)
  const { url, model } = await withModel(t)
  const client = await connect(t, url)
  model.reply({ text: 'never ends', fault: 'hang' })
  const asked = client.start('agent.send', { message: 'one', sessionId: 'x:1' })
  await client.frame(({ id, event }) => id === asked && event === 'content')
  await client.call('agent.cancel', { sessionId: 'x:1' })
  assert.equal((await client.final(asked)).error.code, 4)
  const call = await spans.ended(({ name }) => name === 'chat test-model')
  const run = await spans.ended(({ name }) => name === 'invoke_agent')
  const request = await spans.ended(({ name }) => name === 'agent.send')
  assert.deepEqual([parentOf(call), parentOf(run)], [idOf(run), idOf(request)])
  assert.deepEqual([call, run, request].map(failedWith), ['AbortError', 'AbortError', 'RequestCancelled'])
})

test('a model call is made inside its span, each of its parts too', async (t) => {
  spans.begin(t)
  const inside: unknown[] = []
  const look = (): unknown => inside.push(trace.getActiveSpan()?.spanContext().spanId)
  const parts = new Tracing('0').model({ provider: 'p', model: 'm' }, async function* () {
    look()
    yield { type: 'text', text: 'one' }
    await setImmediate()
    look()
    yield { type: 'text', text: 'two' }
  })
  for await (const part of parts) assert.equal(part.type, 'text')
  const id = idOf(spans.named('chat m')[0]!)
  assert.deepEqual(inside, [id, id])
})

test('work that waits in a lane is done in the context of whoever asked for it', async (t) => {
  spans.begin(t)
  const { app } = await build(t)
  const [one, two] = ['one', 'two'].map((name) => trace.setSpan(ROOT_CONTEXT, trace.getTracer('test').startSpan(name)))
  const held = Promise.withResolvers<void>()
  const seen = () => trace.getSpan(context.active())
  const run = async () => {
    await held.promise
    return seen()
  }
  const works = [one!, two!].map((it) => context.with(it, () => app.lanes.run('x:1', { owner: 'local', run })))
  held.resolve()
  assert.deepEqual(await Promise.all(works), [trace.getSpan(one!), trace.getSpan(two!)])
})
