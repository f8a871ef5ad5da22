import assert from 'node:assert/strict'
import test, { after, before, type TestContext } from 'node:test'
import { memoryStore } from '../../../../rpc/client/index.ts'
import { SessionModel } from '../../../../rpc/client/model/index.ts'
import { connect } from '../../../helper.ts'
import { clientFor } from '../fixtures.ts'
import { type FaultyProxy, startProxy } from '../proxy.ts'
import { isQuiet, type Stage, said, stage, watched, when } from './fixtures.ts'

let scene: Stage
const ended: (() => unknown)[] = []
before(async () => {
  scene = await stage({ after: (end) => void ended.unshift(end as () => unknown) })
})
after(async () => {
  for (const end of ended) await end()
})

/** A model behind a network that the test breaks. */
async function behind(t: TestContext, sessionId: string): Promise<{ proxy: FaultyProxy; model: SessionModel }> {
  const proxy = await startProxy(t, scene.gateway.url)
  const model = watched(t, clientFor(t, proxy.url), sessionId)
  await when(model, ({ history }) => history.loaded)
  return { proxy, model }
}

const isConnected = (model: SessionModel) => when(model, ({ connection }) => connection.name === 'connected')
const isAway = (model: SessionModel) => when(model, ({ connection }) => connection.name !== 'connected')

test('an answer goes on where it was after a cut, without a gap and without a repeat', async (t) => {
  const gate = Promise.withResolvers<void>()
  scene.script('Count on', { text: ['One, ', 'two, ', 'three'], until: gate.promise })
  const { proxy, model } = await behind(t, 'cli:cut')
  model.send('Count on')
  const before = await when(model, (one) => said(one).join().includes('three'))
  proxy.refusing = true
  proxy.cut()
  await isAway(model)
  assert.equal(model.getSnapshot().turns[0], before.turns[0])
  proxy.refusing = false
  await isConnected(model)
  gate.resolve()
  assert.deepEqual(said(await when(model, isQuiet)), ['done: > Count on | One, two, three'])
})

test('what was sent while away waits, keeps its order, and is answered once', async (t) => {
  const { proxy, model } = await behind(t, 'cli:away')
  proxy.refusing = true
  proxy.cut()
  await isAway(model)
  const first = model.send('Away one')
  const second = model.send('Away two')
  const gone = model.send('Away three')
  assert.deepEqual(
    model.getSnapshot().waiting.map(({ text, state, own }) => [text, state, own]),
    [
      ['Away one', 'unsent', true],
      ['Away two', 'unsent', true],
      ['Away three', 'unsent', true]
    ]
  )
  assert.deepEqual(model.getSnapshot().turns, [])
  assert.equal(await model.edit(first, 'Away first'), true)
  assert.deepEqual(await model.takeBack(gone), { text: 'Away three', attachments: [], attachmentIds: [] })
  assert.deepEqual(
    model.getSnapshot().waiting.map(({ key, text }) => [key, text]),
    [
      [first, 'Away first'],
      [second, 'Away two']
    ]
  )
  proxy.refusing = false
  const lines = said(await when(model, (one) => isQuiet(one) && one.turns.length > 0 && said(one).join().includes('Away two')))
  assert.match(lines.join(), /^done: > Away first.*> Away two.*Yes\.$/)
  const { history } = await (await connect(t, scene.gateway.url)).call('sessions.get', { sessionId: 'cli:away' })
  assert.deepEqual(
    history.filter(({ role }: { role: string }) => role === 'user').map(({ content }: { content: string }) => content),
    ['Away first', 'Away two']
  )
})

test('a message whose arrival is uncertain says so, and is one turn in the end', async (t) => {
  const { proxy, model } = await behind(t, 'cli:unsure')
  proxy.gate = (direction, text) => {
    // Whatever the gateway says of the message is lost: the cut comes before it.
    if (direction === 'down' && text.includes('"event":"accepted"')) {
      proxy.refusing = true
      proxy.cut()
    }
  }
  model.send('Perhaps')
  await when(model, ({ turns }) => turns[0]?.state === 'uncertain')
  proxy.gate = undefined
  proxy.refusing = false
  assert.deepEqual(said(await when(model, isQuiet)), ['done: > Perhaps | Yes.'])
})

test('an uncertain message that is discarded is not sent again', async (t) => {
  const { proxy, model } = await behind(t, 'cli:discard')
  proxy.gate = (direction, text) => {
    if (direction === 'up' && text.includes('agent.send')) {
      proxy.refusing = true
      proxy.cut()
    }
  }
  const key = model.send('Not this')
  await when(model, ({ turns }) => turns[0]?.state === 'uncertain')
  assert.deepEqual(model.discard(key), { text: 'Not this', attachments: [], attachmentIds: [] })
  assert.deepEqual(model.getSnapshot().turns, [])
  proxy.gate = undefined
  proxy.refusing = false
  await isConnected(model)
  model.send('But this')
  assert.deepEqual(said(await when(model, (one) => isQuiet(one) && one.turns.length > 0)), ['done: > But this | Yes.'])
})

test('what happened while away is there afterwards, with its place in the order', async (t) => {
  const { proxy, model } = await behind(t, 'cli:missed')
  model.send('Seen')
  await when(model, (one) => isQuiet(one) && one.turns.length === 1)
  proxy.refusing = true
  proxy.cut()
  await isAway(model)
  const other = watched(t, clientFor(t, scene.gateway.url), 'cli:missed')
  other.send('Missed')
  await when(other, (one) => isQuiet(one) && said(one).join().includes('Missed'))
  proxy.refusing = false
  const all = await when(model, (one) => isQuiet(one) && one.turns.length === 2)
  assert.deepEqual(said(all), ['done: > Seen | Yes.', 'done: > Missed | Yes.'])
})

test('a reload keeps the draft and the messages without an outcome', async (t) => {
  const gate = Promise.withResolvers<void>()
  scene.script('Before', { text: ['Half ', 'and half'], until: gate.promise })
  const store = memoryStore()
  const first = clientFor(t, scene.gateway.url, { store })
  const page = watched(t, first, 'cli:reload')
  page.send('Before')
  await when(page, ({ turns }) => turns[0]?.parts.length === 2)
  page.send('After')
  await when(page, ({ waiting }) => waiting.length === 1 && waiting[0]?.state === 'queued')
  page.setDraft('Not yet ')
  page.setDraft('Not yet sent')
  await first.close()
  const second = clientFor(t, scene.gateway.url, { store })
  const again = watched(t, second, 'cli:reload')
  const loaded = await when(
    again,
    ({ turns, waiting, draft }) => turns[0]?.parts.length === 2 && waiting.length === 1 && draft !== ''
  )
  assert.equal(loaded.draft, 'Not yet sent')
  assert.deepEqual([loaded.waiting[0]?.text, loaded.waiting[0]?.own], ['After', true])
  assert.match(said(loaded)[0] ?? '', /^working: > Before \| Half/)
  gate.resolve()
  const lines = said(await when(again, (one) => isQuiet(one) && one.turns.length === 2))
  assert.deepEqual(lines, ['done: > Before | Half and half', 'done: > After | Yes.'])
  again.setDraft('')
  await second.close()
})

test('a run that fails says why, also after a reload', async (t) => {
  scene.script('Break', { text: ['So far'], fault: 'error' })
  const model = watched(t, clientFor(t, scene.gateway.url), 'cli:fails')
  model.send('Break')
  const [turn] = (await when(model, (one) => isQuiet(one) && one.turns.length === 1)).turns
  assert.equal(turn?.state, 'failed')
  assert.equal(turn?.error?.code, 5)
  const reloaded = watched(t, clientFor(t, scene.gateway.url), 'cli:fails')
  const [stored] = (await when(reloaded, ({ turns }) => turns[0]?.state === 'failed')).turns
  assert.ok(stored?.error && turn.error?.message.startsWith(stored.error.message.split('\n')[0] ?? '?'))
})

test('older turns are loaded page by page', async (t) => {
  const client = clientFor(t, scene.gateway.url)
  const session = client.session('cli:pages')
  for (let index = 0; index < 60; index++) await session.send(`say ${index}`)
  const { history } = await client.call('sessions.get', { sessionId: 'cli:pages', limit: 500 })
  const model = watched(t, clientFor(t, scene.gateway.url), 'cli:pages')
  const first = await when(model, isQuiet)
  assert.deepEqual([first.history.older, first.turns.length, history.length], [true, 50, 120])
  while (model.getSnapshot().history.older) await model.loadOlder()
  const all = model.getSnapshot()
  assert.deepEqual(all.history, { loaded: true, older: false, loading: false, full: false })
  const runs = [...new Set(history.map(({ runId }) => runId))]
  assert.deepEqual(
    all.turns.map(({ runId }) => runId),
    runs
  )
  assert.equal(all.turns.at(-1), first.turns.at(-1))
})

test('cut after any number of frames, each message is one turn with its whole answer', async (t) => {
  scene.script('Cut one', ...Array.from({ length: 8 }, () => ({ text: ['a ', 'b ', 'c ', 'd'] })))
  const proxy = await startProxy(t, scene.gateway.url)
  for (let cutAfter = 3; cutAfter < 27; cutAfter += 3) {
    // The connections after it break as well, later each time.
    proxy.rules.splice(0, Number.POSITIVE_INFINITY, { cutAfter }, { cutAfter: cutAfter + 4 })
    const client = clientFor(t, proxy.url)
    const model = watched(t, client, `cli:cut ${cutAfter}`)
    model.send('Cut one')
    model.send('Cut two', { queueMode: 'followup' })
    const quiet = await when(model, (one) => isQuiet(one) && one.turns.length === 2)
    assert.deepEqual(said(quiet), ['done: > Cut one | a b c d', 'done: > Cut two | Yes.'], `cut after ${cutAfter}`)
    await client.close()
  }
})

test('a run that ended while no one was subscribed has its end when someone is again', async (t) => {
  const gate = Promise.withResolvers<void>()
  scene.script('Unwatched', { text: ['Begun ', 'and ended'], until: gate.promise })
  const other = watched(t, clientFor(t, scene.gateway.url), 'cli:unwatched')
  const model = new SessionModel(clientFor(t, scene.gateway.url), 'cli:unwatched')
  const leave = model.subscribe(() => {})
  await when(model, ({ history }) => history.loaded)
  other.send('Unwatched')
  await when(model, ({ turns }) => turns[0]?.parts.length === 2)
  leave()
  await new Promise((resolve) => setTimeout(resolve))
  gate.resolve()
  await when(other, (one) => isQuiet(one) && one.turns.length === 1)
  t.after(model.subscribe(() => {}))
  assert.deepEqual(said(await when(model, isQuiet)), ['done: > Unwatched | Begun and ended'])
})
