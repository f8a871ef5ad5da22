import assert from 'node:assert/strict'
import test from 'node:test'
import type { ConnectionState } from '../../../rpc/client/index.ts'
import { build } from '../../helper.ts'
import { startModelServer } from '../../model-server.ts'
import { assertWhole, clientFor, collect, eagerClock, modelAt } from './fixtures.ts'
import { startProxy } from './proxy.ts'

test('a half-open connection is noticed, and the run goes on over another', async (t) => {
  const model = await startModelServer(t)
  const { url } = await build(t, { config: modelAt(model) })
  const proxy = await startProxy(t, url)
  const more = Promise.withResolvers<void>()
  model.reply({ text: ['before ', 'the silence'], until: more.promise })
  // Time passes a hundred times as fast, and only in timers.
  let now = Date.now()
  const clock = {
    ...eagerClock,
    now: () => now,
    setTimeout: (run: () => void, ms: number): unknown =>
      setTimeout(() => {
        now += ms
        run()
      }, ms / 100)
  }
  const gateway = clientFor(t, proxy.url, { clock })
  const run = gateway.session('cli:me').send('go')
  const events = run[Symbol.asyncIterator]()
  await events.next()
  proxy.silence()
  more.resolve()
  assert.equal((await run).content, 'before the silence')
  assertWhole(await collect(run))
  assert.ok(proxy.connections > 1)
})

test('4401 in the middle of a run asks for another token and goes on', async (t) => {
  const model = await startModelServer(t)
  const tokens = ['old', 'new'].map((name) => ({
    name,
    token: `${name}-token-of-the-test`,
    scopes: ['read' as const, 'write' as const]
  }))
  const { url } = await build(t, { config: { ...modelAt(model), server: { tokens } } })
  const proxy = await startProxy(t, url)
  const more = Promise.withResolvers<void>()
  model.reply({ text: ['before ', 'and after'], until: more.promise })
  const offered = tokens.map(({ token }) => token)
  const states: ConnectionState['name'][] = []
  const gateway = clientFor(t, proxy.url, { token: () => offered.shift()! })
  gateway.onState(({ name }) => states.push(name))
  const run = gateway.session('cli:me').send('go')
  await run[Symbol.asyncIterator]().next()
  proxy.close(4401, 'expired')
  more.resolve()
  assert.equal((await run).content, 'before and after')
  assertWhole(await collect(run))
  assert.deepEqual(states, ['connecting', 'connected', 'connecting', 'connected'])
})

test('1013 for a slow reader is a break like any other', async (t) => {
  const { url } = await build(t)
  const proxy = await startProxy(t, url)
  proxy.rules.push({ cutAfter: 8, code: 1013 })
  const run = clientFor(t, proxy.url).session('cli:me').send('say one two three four five')
  assert.equal((await run).content.trim(), 'one two three four five')
  assertWhole(await collect(run))
  assert.equal(proxy.connections, 2)
})

test('a message is cancelled alone, whether it waits or runs', async (t) => {
  const model = await startModelServer(t)
  const { url } = await build(t, { config: modelAt(model) })
  const session = clientFor(t, url).session('cli:me')
  model.reply({ text: ['on and on'], fault: 'hang' }, { text: 'third time lucky' })
  const running = session.send('first')
  await running[Symbol.asyncIterator]().next()
  const waiting = session.send('second')
  const other = session.send('third')
  assert.equal((await other.accepted).position, 2)
  assert.equal(await waiting.cancel(), true)
  await assert.rejects(Promise.resolve(waiting), { code: 4 })
  assert.equal(running.settled, false)
  assert.equal(await running.cancel(), true)
  await assert.rejects(collect(running), { code: 4 })
  assert.equal((await other).content, 'third time lucky')
})

test('a run is steered by a message that its handle sends', async (t) => {
  const model = await startModelServer(t)
  const { url } = await build(t, { config: modelAt(model) })
  const session = clientFor(t, url).session('cli:me')
  const asked = Promise.withResolvers<void>()
  model.reply(
    { text: ['looking'], toolCalls: [{ name: 'memory_get', args: { namespace: 'n', key: 'k' } }], until: asked.promise },
    { text: ['both are answered'] }
  )
  const run = session.send('first')
  await run[Symbol.asyncIterator]().next()
  const steered = run.steer('and this')
  await steered.accepted
  asked.resolve()
  const [one, other] = await Promise.all([run, steered])
  assert.equal(one.runId, other.runId)
  assert.equal(other.queue?.outcome, 'steered')
})

test('a signal cancels the run, and its reason is what the handle rejects with', async (t) => {
  const model = await startModelServer(t)
  const { url, app } = await build(t, { config: modelAt(model) })
  const session = clientFor(t, url).session('cli:me')
  model.reply({ text: ['on and on'], fault: 'hang' })
  const controller = new AbortController()
  const run = session.send('first', { signal: controller.signal })
  const requested = await model.next()
  await run[Symbol.asyncIterator]().next()
  const reason = new Error('enough')
  controller.abort(reason)
  await assert.rejects(Promise.resolve(run), reason)
  await requested.closed
  assert.equal(app.lanes.has('cli:me') && app.lanes.snapshot('cli:me').running !== undefined, false)
})

test('a command is answered once, wherever the connection breaks', async (t) => {
  const { url } = await build(t)
  const proxy = await startProxy(t, url)
  for (const cutAfter of [2, 3, 4, 5, 6]) {
    proxy.rules.push({ cutAfter })
    const run = clientFor(t, proxy.url).session(`cli:${cutAfter}`).send('/queue')
    const texts: string[] = []
    for await (const text of run.text()) texts.push(text)
    assert.equal(texts.join(''), (await run).content)
    proxy.rules.length = 0
  }
})
