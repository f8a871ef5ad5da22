import assert from 'node:assert/strict'
import { once } from 'node:events'
import test from 'node:test'
import type { RunResult, SessionEvent } from '../../../rpc/client/index.ts'
import { memoryStore } from '../../../rpc/client/index.ts'
import { build, connect, rejection, scratch } from '../../helper.ts'
import { startModelServer } from '../../model-server.ts'
import { up } from '../../program.ts'
import { assertWhole, clientFor, collect, modelAt } from './fixtures.ts'
import { startProxy } from './proxy.ts'

test('a message that a restart keeps in its queue is answered after it, by the same handle', async (t) => {
  const model = await startModelServer(t)
  const config = { ...modelAt(model), server: { shutdown_grace_seconds: 0 }, dataDir: await scratch(t) }
  const first = await build(t, { config })
  const proxy = await startProxy(t, first.url)
  const gateway = clientFor(t, proxy.url)
  const session = gateway.session('cli:me')
  const followed: SessionEvent[] = []
  const following = (async () => {
    for await (const event of session.follow()) followed.push(event)
  })()
  model.reply({ text: ['never '], fault: 'hang' }, { text: ['after ', 'the ', 'restart'] })
  const begun = model.next()
  const cutOff = session.send('first')
  await begun
  const kept = session.send('second')
  assert.equal((await kept.accepted).position, 1)
  await first.host.close()
  const error = await rejection(Promise.resolve(cutOff))
  assert.equal(error.code, 3)
  assert.equal(kept.settled, false)

  const second = await build(t, { config })
  proxy.target = second.url.replace('http', 'ws')
  assert.equal((await kept).content, 'after the restart')
  const events = await collect(kept)
  assertWhole(events)
  while (!followed.some(({ event, runId }) => event === 'done' && runId === kept.runId)) await new Promise(setImmediate)
  await gateway.close()
  await following
  assertWhole(followed.filter(({ runId }) => runId === kept.runId))
  assert.equal(model.requests.length, 2)
})

test('killed under load, the gateway gives each message one outcome and runs none twice', async (t) => {
  const folder = await scratch(t)
  let program = await up(t, folder)
  const proxy = await startProxy(t, program.url)
  const gateway = clientFor(t, proxy.url)
  const runs = Array.from({ length: 40 }, (_, index) => {
    return gateway.session(`cli:${index % 12}`).send(`say ${index} ${'and so on '.repeat(50)}`)
  })
  await Promise.all(runs.slice(0, 10).map((run) => run.accepted))
  const exit = once(program.child, 'exit')
  program.child.kill('SIGKILL')
  await exit
  program = await up(t, folder)
  proxy.target = program.url.replace('http', 'ws')
  const outcomes = await Promise.allSettled(runs)
  const observer = await connect(t, program.url)
  const asked: string[] = []
  for (let index = 0; index < 12; index++) {
    const { history } = await observer.call('sessions.get', { sessionId: `cli:${index}` })
    asked.push(
      ...history.filter(({ role }: { role: string }) => role === 'user').map(({ content }: { content: string }) => content)
    )
  }
  assert.deepEqual([...asked].sort(), runs.map(({ message }) => message).sort())
  for (const [index, outcome] of outcomes.entries()) {
    // A run that was cut off ends with error 5; it is not run again by itself.
    if (outcome.status === 'rejected') assert.equal(outcome.reason.code, 5, String(outcome.reason))
    // A model sees a message that was cut off together with the next one.
    else assert.ok(outcome.value.content.trim().endsWith(runs[index]!.message.slice('say '.length).trim()))
  }
  assert.ok(outcomes.some(({ status }) => status === 'fulfilled'))
})

test('a slow network merges events and loses none', async (t) => {
  const model = await startModelServer(t)
  const { url } = await build(t, { config: { ...modelAt(model), server: { send_buffer_bytes: 4096 } } })
  const proxy = await startProxy(t, url)
  const words = Array.from({ length: 1500 }, (_, index) => `word ${index} `)
  model.reply({ text: words })
  let passed = 0
  proxy.gate = (direction) => (direction === 'down' && ++passed % 50 === 0 ? new Promise(setImmediate) : undefined)
  const run = clientFor(t, proxy.url).session('cli:me').send('go')
  const texts: string[] = []
  for await (const text of run.text()) texts.push(text)
  assert.equal(texts.join(''), words.join(''))
  assertWhole(await collect(run))
})

test('with a store a reload goes on without a gap and without a repeat', async (t) => {
  const model = await startModelServer(t)
  const { url } = await build(t, { config: modelAt(model) })
  const store = memoryStore()
  const more = Promise.withResolvers<void>()
  model.reply({ text: ['before ', 'the '], until: more.promise }, { text: ['sent ', 'later'] })
  const page = clientFor(t, url, { store })
  const run = page.session('cli:me').send('go')
  const unsent = page.session('cli:me').send('later')
  const seen: SessionEvent[] = []
  for await (const event of run) if (seen.push(event) === 2) break
  await unsent.accepted
  await page.close()
  more.resolve()

  const reloaded = clientFor(t, url, { store })
  const [again, later] = await reloaded.restored
  assert.deepEqual([again!.id, later!.id], [run.id, unsent.id])
  const rest = await collect(again!)
  assertWhole([...seen, ...rest])
  assert.equal((await later!).content, 'sent later')
  await reloaded.close()
  assert.deepEqual(await store.keys('flynn:send:'), [])
  assert.equal(model.requests.length, 2)
})

test('followed with a store, what happened between two programs is replayed', async (t) => {
  const { url } = await build(t)
  const store = memoryStore()
  const talker = clientFor(t, url)
  const say = (text: string): PromiseLike<RunResult> => talker.session('cli:me').send(`say ${text}`)
  const next = async (count: number): Promise<SessionEvent[]> => {
    const gateway = clientFor(t, url, { store })
    const events: SessionEvent[] = []
    const followed = gateway.session('cli:me').follow()
    // The subscription stands before anything is said.
    await gateway.ready
    await gateway.call('system.info')
    if (count === 1) await say('one')
    for await (const event of followed) {
      events.push(event)
      if (events.filter(({ event }) => event === 'done').length === count) break
    }
    await gateway.close()
    return events.filter(({ runId }) => runId !== undefined)
  }
  const first = await next(1)
  await say('two')
  await say('three')
  const second = await next(2)
  assert.equal(assertWhole([...first, ...second]), 3)
})
