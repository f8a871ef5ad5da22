import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import test from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { Type } from '@sinclair/typebox'
import { Counter, Registry } from 'prom-client'
import { LaneError } from '../../../lanes/errors.ts'
import type { LaneMessage } from '../../../lanes/message.ts'
import { defineMethod, type GatewayInstance, gatewayPlugin } from '../../../plugins/define.ts'
import { Hooks } from '../../../plugins/hooks/hooks.ts'
import type { Payload } from '../../../plugins/lanes/driver.ts'
import { measureLanes } from '../../../plugins/metrics/lanes.ts'
import { RUN_EVENTS } from '../../../rpc/schemas/agent.ts'
import { build, connect, rejection } from '../../helper.ts'
import { withModel } from '../agent/fixtures.ts'

/** Every figure, by its name and labels as Prometheus gets to see them. */
async function figures({
  metrics
}: {
  readonly metrics: Pick<GatewayInstance['metrics'], 'registry'>
}): Promise<ReadonlyMap<string, number>> {
  const lines = (await metrics.registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]))
}

const series = async (app: GatewayInstance, name: string): Promise<string[]> =>
  [...(await figures(app)).keys()].filter((key) => key.startsWith(name))

test('calls are counted by method, over the socket and over HTTP, and their errors by name', async (t) => {
  const { app, url } = await build(t)
  const client = await connect(t, url)
  await client.call('system.info')
  await rejection(client.call('system.info', { typo: 1 }))
  await fetch(`${url}/rpc/system.info`, { method: 'POST' })
  await rejection(client.call('sessions.get', { sessionId: 'x:nobody' }))
  const counted = await figures(app)
  assert.equal(counted.get('flynn_rpc_duration_seconds_count{method="system.info"}'), 3)
  assert.equal(counted.get('flynn_rpc_duration_seconds_bucket{le="+Inf",method="system.info"}'), 3)
  assert.ok(counted.get('flynn_rpc_duration_seconds_sum{method="system.info"}')! > 0)
  assert.equal(counted.get('flynn_rpc_errors_total{method="system.info",error="InvalidRequest"}'), 1)
  assert.equal(counted.get('flynn_rpc_errors_total{method="sessions.get",error="SessionNotFound"}'), 1)
})

test('a thousand names that are no method are one series', async (t) => {
  const { app, url } = await build(t)
  const client = await connect(t, url)
  for (let n = 0; n < 1000; n++) await rejection(client.call(`made.up${n}`))
  assert.equal((await fetch(`${url}/rpc/made.up`, { method: 'POST' })).status, 404)
  assert.deepEqual(await series(app, 'flynn_rpc_errors_total'), [
    'flynn_rpc_errors_total{method="unknown",error="MethodNotFound"}'
  ])
  assert.equal((await figures(app)).get('flynn_rpc_duration_seconds_count{method="unknown"}'), 1001)
})

test('two gateways of one process have figures of their own', async (t) => {
  const [one, other] = [await build(t), await build(t)]
  await (await connect(t, one.url)).call('system.info')
  assert.equal((await figures(one.app)).get('flynn_rpc_duration_seconds_count{method="system.info"}'), 1)
  assert.deepEqual(await series(other.app, 'flynn_rpc_duration_seconds_count'), [])
  assert.equal((await figures(one.app)).get('flynn_connections'), 1)
  assert.equal((await figures(other.app)).get('flynn_connections'), 0)
})

test('what a lane does is counted: depth, waiting, runs and how messages ended; a session is no label', async (t) => {
  const { app, url, model } = await withModel(t)
  const held = Promise.withResolvers<void>()
  model.reply({ text: 'one', until: held.promise })
  const client = await connect(t, url)
  const asked = model.next()
  const first = client.start('agent.send', { message: 'one', sessionId: 'x:1' })
  await asked
  const others = ['two', 'three'].map((message) => client.start('agent.send', { message, sessionId: 'x:1' }))
  while (app.lanes.snapshot('x:1').depth < 2) await setImmediate()
  const during = await figures(app)
  assert.deepEqual(
    ['busy', 'waiting', 'max_depth'].map((name) => during.get(`flynn_lanes_${name}`)),
    [1, 2, 2]
  )
  assert.equal(during.get('flynn_lane_wait_seconds_count{kind="message"}'), 1)
  await client.call('queue.clear', { sessionId: 'x:1' })
  for (const id of others) await client.final(id)
  held.resolve()
  await client.final(first)
  await client.call('tools.execute', { tool: 'file.list', sessionId: 'x:1' })

  const after = await figures(app)
  assert.deepEqual(
    ['busy', 'waiting', 'max_depth'].map((name) => after.get(`flynn_lanes_${name}`)),
    [0, 0, 0]
  )
  assert.equal(after.get('flynn_lane_run_seconds_count{kind="message"}'), 1)
  assert.equal(after.get('flynn_lane_outcomes_total{kind="message",outcome="completed"}'), 1)
  assert.equal(after.get('flynn_lane_outcomes_total{kind="message",outcome="cancelled"}'), 2)
  assert.equal(after.get('flynn_lane_outcomes_total{kind="work",outcome="completed"}'), 1)
  assert.ok(!(await app.metrics.registry.metrics()).includes('x:1'))
})

test('waiting and running are told in seconds, and a turn that is over is forgotten', async () => {
  const metrics = new Registry()
  let now = 10_000
  const lanes = { size: 0, waiting: 0, ids: () => [], snapshot: () => assert.fail('there is no lane') }
  const hooks = new Hooks({ error: assert.fail })
  measureLanes(metrics, hooks, lanes, () => now)
  const policy = { mode: 'steer', cap: 1, overflow: 'drop_new', debounceMs: 0, summarizeOverflow: false } as const
  const message = (id: string, acceptedAt: number): LaneMessage<Payload> => {
    const payload = { kind: 'message', preview: id } as const
    return { id, owner: 'local', priority: 'person', policy, payload, acceptedAt }
  }
  const [one, steered, late] = [message('one', 7000), message('steered', 11_000), message('late', 12_000)]
  hooks.emit('lane.claimed', { messages: [one], turnId: 'turn' })
  now = 12_000
  hooks.emit('lane.claimed', { messages: [steered], turnId: 'turn' })
  now = 15_000
  const outcome = (how: 'completed' | 'steered') => ({ value: undefined, how })
  hooks.emit('lane.ended', {
    ends: [
      { message: one, outcome: outcome('completed') },
      { message: steered, outcome: outcome('steered') }
    ],
    turnId: 'turn'
  })
  // The turn is over: it is not measured again.
  const error = new LaneError('overflow', 'x:1', policy, { stage: 'waiting' })
  hooks.emit('lane.ended', { ends: [{ message: late, error }], turnId: 'turn' })
  const told = await figures({ metrics: { registry: metrics } })
  assert.equal(told.get('flynn_lane_wait_seconds_sum{kind="message"}'), 3 + 1)
  assert.equal(told.get('flynn_lane_run_seconds_sum{kind="message"}'), 5)
  assert.equal(told.get('flynn_lane_run_seconds_count{kind="message"}'), 1)
  assert.deepEqual(
    ['completed', 'steered', 'overflow'].map((how) => told.get(`flynn_lane_outcomes_total{kind="message",outcome="${how}"}`)),
    [1, 1, 1]
  )
})

test('tokens are counted by model, and model calls by whether they came to their end', async (t) => {
  const { app, url, model } = await withModel(t)
  model.reply({ text: 'one', usage: { input: 11, output: 5 } }, { text: 'two', usage: { input: 7, output: 3 } }, { status: 401 })
  const client = await connect(t, url)
  for (const message of ['one', 'two']) await client.call('agent.send', { message, sessionId: 'x:1' })
  await rejection(client.call('agent.send', { message: 'three', sessionId: 'x:1' }))
  const counted = await figures(app)
  const of = 'provider="anthropic",model="test-model"'
  assert.equal(counted.get(`flynn_model_tokens_total{${of},direction="input"}`), 18)
  assert.equal(counted.get(`flynn_model_tokens_total{${of},direction="output"}`), 8)
  assert.equal(counted.get(`flynn_model_duration_seconds_count{${of},outcome="finished"}`), 2)
  assert.equal(counted.get(`flynn_model_duration_seconds_count{${of},outcome="broken"}`), 1)
})

test('what comes in is counted by channel and outcome, and what platforms are answered by route and status', async (t) => {
  const { app, url } = await build(t, { config: { webhooks: { hook: { allowUnsigned: true, session: 'webhook:1' } } } })
  const post = async (name: string, key: string) =>
    (await fetch(`${url}/webhooks/${name}`, { method: 'POST', headers: { 'idempotency-key': key }, body: '{"a":1}' })).status
  assert.equal(await post('hook', 'one'), 202)
  assert.equal(await post('nobody', 'one'), 401)
  await app.channels.receive('nowhere', { conversation: '1', senderId: '1', messageId: '1', text: 'hello' })
  const counted = await figures(app)
  assert.equal(counted.get('flynn_inbound_messages_total{channel="webhook",outcome="accepted"}'), 1)
  assert.equal(counted.get('flynn_inbound_requests_total{route="/webhooks/:name",status="202"}'), 1)
  assert.equal(counted.get('flynn_inbound_requests_total{route="/webhooks/:name",status="401"}'), 1)
  assert.doesNotMatch(await app.metrics.registry.metrics(), /nobody|nowhere/)
})

test('a client that does not read shows in the buffers, and is counted once it is given up', async (t) => {
  const KiB = 1024
  const { app, url } = await build(t, { config: { server: { sendBufferBytes: 64 * KiB } } })
  const accepted = once(app.websocketServer, 'connection')
  const deaf = await connect(t, url)
  await accepted
  deaf.socket.pause()
  deaf.start('system.hello', { events: ['shutdown'] })
  const other = await connect(t, url)
  await other.call('system.info')
  assert.equal((await figures(app)).get('flynn_slow_consumers_total{transport="ws"}'), 0)
  let most = 0
  while (app.connections.size > 1 && (await figures(app)).get('flynn_slow_consumers_total{transport="ws"}') === 0) {
    for (let n = 0; n < 64; n++) app.connections.notify('shutdown', 'y'.repeat(64 * KiB))
    most = Math.max(most, (await figures(app)).get('flynn_send_buffer_bytes') ?? 0)
    await setImmediate()
  }
  assert.ok(most > 64 * KiB)
  assert.equal((await figures(app)).get('flynn_slow_consumers_total{transport="ws"}'), 1)
  // It would be waited for to say goodbye.
  deaf.socket.terminate()
})

test('a client that does not read its stream over HTTP is counted as well', async (t) => {
  const flood = defineMethod({
    name: 'test.flood',
    summary: 'Says a lot',
    scope: 'any',
    params: Type.Object({}, { additionalProperties: false }),
    result: Type.Null(),
    events: RUN_EVENTS,
    async handler(_params, ctx) {
      const text = 'y'.repeat(64 * 1024)
      for (let seq = 1; !ctx.signal.aborted; seq++) {
        ctx.emit('content', { text }, { sessionId: 'x:1', runId: 'flood', seq })
        if (seq % 32 === 0) await setImmediate()
      }
      return null
    }
  })
  const plugin = gatewayPlugin({ name: 'flood', dependencies: ['rpc'] }, async (app) => app.rpc.method(flood))
  const { app, url } = await build(t, { config: { server: { sendBufferBytes: 64 * 1024 } }, plugins: [plugin] })
  const headers = { accept: 'application/x-ndjson', 'content-type': 'application/json' }
  const deaf = request(`${url}/rpc/test.flood`, { method: 'POST', headers }).on('error', () => {})
  deaf.end()
  const given = Promise.withResolvers<string>()
  app.hooks.on('connection.slow', ({ transport }) => given.resolve(transport))
  assert.equal(await given.promise, 'http')
  assert.equal((await figures(app)).get('flynn_slow_consumers_total{transport="http"}'), 1)
  deaf.destroy()
})

test('the time of the database is counted by statement and by transaction, and the event loop has its delay', async (t) => {
  const { app, url } = await build(t)
  const client = await connect(t, url)
  const before = await figures(app)
  await client.call('agent.send', { message: 'hello' })
  const after = await figures(app)
  for (const what of ['statement', 'transaction']) {
    const name = `flynn_database_seconds_count{what="${what}"}`
    assert.ok(after.get(name)! > (before.get(name) ?? 0), name)
  }
  assert.deepEqual(
    (await series(app, 'flynn_event_loop_delay_seconds')).sort(),
    ['0.5', '0.9', '0.99', '1'].map((quantile) => `flynn_event_loop_delay_seconds{quantile="${quantile}"}`)
  )
})

test('every metric has a name of this gateway, a help text and a unit where it measures one', async (t) => {
  const { app } = await build(t)
  for (const { name, help } of await app.metrics.registry.getMetricsAsJSON()) {
    assert.match(name, /^flynn_[a-z_]+$/)
    assert.ok(help.length > 10, name)
    assert.doesNotMatch(name, /_ms|milliseconds|_kb|_mb/)
  }
})

test('the process and the build are described, and names follow the conventions of Prometheus', async (t) => {
  const { app } = await build(t)
  const told = await figures(app)
  assert.equal(told.get(`flynn_build_info{version="${app.system.version}",node="${process.versions.node}"}`), 1)
  for (const name of ['cpu_seconds_total', 'resident_memory_bytes', 'start_time_seconds', 'heap_bytes{kind="used"}']) {
    assert.ok(told.get(`flynn_process_${name}`)! > 0, name)
  }
  for (const { name, type } of await app.metrics.registry.getMetricsAsJSON()) {
    assert.equal(name.endsWith('_total'), String(type) === 'counter', name)
    assert.doesNotMatch(name, /_(count|sum|bucket)$/)
  }
})

test('a plugin adds a metric of its own', async (t) => {
  const plugin = gatewayPlugin({ name: 'weather', dependencies: ['metrics'] }, async (app) => {
    new Counter({ name: 'weather_asked_total', help: 'Questions about the weather', registers: [app.metrics.registry] }).inc()
  })
  const { url } = await build(t, { plugins: [plugin] })
  assert.match(await (await fetch(`${url}/metrics`)).text(), /^weather_asked_total 1$/m)
})
