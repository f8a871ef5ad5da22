import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { clientFor } from '../fixtures.ts'
import { isQuiet, type Stage, said, stage, watched, when } from './fixtures.ts'

let scene: Stage
const ended: (() => unknown)[] = []
before(async () => {
  scene = await stage({ after: (end) => void ended.unshift(end as () => unknown) })
})
after(async () => {
  for (const end of ended) await end()
})

test('a message and its answer are one turn', async (t) => {
  scene.script('Count', { text: ['One, ', 'two'] })
  const model = watched(t, clientFor(t, scene.gateway.url), 'cli:one')
  assert.deepEqual(model.getSnapshot().turns, [])
  const key = model.send('Count')
  const snapshot = await when(model, (one) => isQuiet(one) && one.turns.length > 0)
  assert.deepEqual(said(snapshot), ['done: > Count | One, two'])
  assert.equal(snapshot.turns[0]?.key, key)
  assert.equal(snapshot.turns[0]?.complete, true)
  assert.ok((snapshot.turns[0]?.usage?.outputTokens ?? 0) > 0)
  assert.equal(snapshot.busy, false)
})

test('turns, parts and lists that did not change stay the same objects', async (t) => {
  const gate = Promise.withResolvers<void>()
  scene.script('Second', { text: ['Half '], until: gate.promise })
  const model = watched(t, clientFor(t, scene.gateway.url), 'cli:same')
  model.send('First')
  const first = await when(model, (one) => isQuiet(one) && one.turns.length === 1)
  assert.equal(model.getSnapshot(), first)
  model.send('Second')
  const second = await when(model, ({ turns }) => turns[1]?.parts.length === 2)
  assert.equal(second.turns[0], first.turns[0])
  assert.equal(second.waiting, first.waiting)
  assert.equal(second.confirmations, first.confirmations)
  gate.resolve()
  const third = await when(model, isQuiet)
  assert.equal(third.turns[0], first.turns[0])
  assert.notEqual(third.turns[1], second.turns[1])
  assert.equal(third.turns[1]?.parts[0], second.turns[1]?.parts[0])
})

test('another client sees the same turns, live and from the history', async (t) => {
  const gate = Promise.withResolvers<void>()
  scene.script('Slowly', { text: ['Here ', 'it '], until: gate.promise })
  const sender = watched(t, clientFor(t, scene.gateway.url), 'cli:both')
  const other = watched(t, clientFor(t, scene.gateway.url), 'cli:both')
  await when(other, ({ history }) => history.loaded)
  sender.send('Slowly')
  const live = await when(other, ({ turns }) => turns[0]?.parts.length === 2)
  assert.match(said(live)[0] ?? '', /^working: > Slowly \| Here/)
  sender.send('Then this')
  const waiting = await when(other, (one) => one.waiting.length === 1)
  assert.deepEqual(
    waiting.waiting.map(({ text, own, state, position }) => ({ text, own, state, position })),
    [{ text: 'Then this', own: false, state: 'queued', position: 1 }]
  )
  const late = watched(t, clientFor(t, scene.gateway.url), 'cli:both')
  await when(late, ({ turns }) => turns[0]?.parts.length === 2)
  gate.resolve()
  const expected = ['done: > Slowly | Here it', 'done: > Then this | Yes.']
  for (const model of [sender, other, late]) {
    assert.deepEqual(said(await when(model, (one) => isQuiet(one) && one.turns.length === 2)), expected)
  }
  const stored = watched(t, clientFor(t, scene.gateway.url), 'cli:both')
  assert.deepEqual(said(await when(stored, isQuiet)), expected)
})

test('the policy of the session is known after its first message, and changes with configure', async (t) => {
  const model = watched(t, clientFor(t, scene.gateway.url), 'cli:policy')
  await when(model, ({ history }) => history.loaded)
  assert.equal(model.getSnapshot().lane, undefined)
  model.send('First')
  const { lane } = await when(model, (one) => one.lane !== undefined)
  assert.deepEqual([lane?.policy.mode, lane?.origin.mode], ['followup', 'default'])
  await model.configure({ mode: 'steer' })
  await when(model, (one) => one.lane?.policy.mode === 'steer' && one.lane.origin.mode === 'session')
  await model.configure(null)
  await when(model, (one) => one.lane?.policy.mode === 'followup' && one.lane.origin.mode === 'default')
})

test('an upload is shown with its name before the history has it', async (t) => {
  const { url } = scene.gateway
  const headers = { 'content-type': 'text/plain' }
  const answer = await fetch(`${url}/attachments?filename=a.txt`, { method: 'POST', headers, body: 'abc' })
  const { id } = (await answer.json()) as { id: string }
  const file = { id, mimeType: 'text/plain', filename: 'a.txt', bytes: 3 }
  const gate = Promise.withResolvers<void>()
  scene.script('Look', { text: 'Yes.', until: gate.promise })
  const model = watched(t, clientFor(t, url), 'cli:upload')
  model.describeUploads([file])
  model.send('Look', { attachmentIds: [id] })
  const { turns } = await when(model, (one) => one.turns.length === 1)
  const [message] = turns[0]?.parts ?? []
  assert.deepEqual(message?.kind === 'message' && message.files, [file])
  gate.resolve()
  await when(model, isQuiet)
})

test('what waits can be edited, taken back and sent now', async (t) => {
  const gate = Promise.withResolvers<void>()
  scene.script('Begin', { text: 'Looking. ', toolCalls: [{ name: 'test_nothing', args: {} }], until: gate.promise })
  scene.script('Hurry', { text: 'Both.' })
  scene.script('Changed', { text: 'The changed one.' })
  const model = watched(t, clientFor(t, scene.gateway.url), 'cli:waits')
  model.send('Begin')
  await when(model, ({ turns }) => turns[0]?.runId !== undefined || turns[0]?.state === 'sent')
  const edited = model.send('Original', { queueMode: 'followup' })
  const back = model.send('Never mind')
  const now = model.send('Hurry')
  await when(model, ({ waiting }) => waiting.length === 3 && waiting.every(({ state }) => state === 'queued'))
  assert.equal(await model.edit(edited, 'Changed'), true)
  assert.deepEqual(await model.takeBack(back), { text: 'Never mind', attachments: [], attachmentIds: [] })
  const key = await model.sendNow(now)
  assert.notEqual(key, undefined)
  const texts = (await when(model, ({ waiting }) => waiting.length === 1)).waiting.map(({ text }) => text)
  assert.deepEqual(texts, ['Changed'])
  gate.resolve()
  const lines = said(await when(model, (one) => isQuiet(one) && one.turns.length === 2))
  assert.match(lines[0] ?? '', /^done: > Begin \| Looking\.( \| test\S+ failed)? \| > Hurry \| Both\.$/)
  assert.equal(lines[1], 'done: > Changed | The changed one.')
  assert.equal(await model.takeBack(edited), undefined)
  assert.equal(await model.edit(edited, 'Too late'), false)
})

test('stop ends this run only and keeps its text', async (t) => {
  scene.script('Forever', { text: ['Part'], fault: 'hang' })
  const model = watched(t, clientFor(t, scene.gateway.url), 'cli:stop')
  assert.equal(await model.stop(), false)
  const key = model.send('Forever')
  await when(model, ({ turns }) => turns[0]?.parts.length === 2)
  model.send('Next')
  await when(model, ({ waiting }) => waiting.length === 1)
  assert.equal(model.discard(key), undefined)
  const stopping = model.stop()
  assert.equal(model.getSnapshot().turns[0]?.state, 'stopping')
  assert.equal(await stopping, true)
  const lines = said(await when(model, (one) => isQuiet(one) && one.turns.length === 2))
  assert.deepEqual(lines, ['stopped: > Forever | Part', 'done: > Next | Yes.'])
})

test('a message is answered again, and a conversation goes on elsewhere from any turn', async (t) => {
  scene.script('Why', { text: 'Because.' }, { text: 'For another reason.' })
  const client = clientFor(t, scene.gateway.url)
  const model = watched(t, client, 'cli:again')
  model.send('First')
  await when(model, (one) => isQuiet(one) && one.turns.length === 1)
  const before = Date.now()
  const key = model.send('Why')
  await when(model, (one) => isQuiet(one) && one.turns.length === 2)
  await model.regenerate(key)
  const again = await when(model, (one) => isQuiet(one) && one.turns.length === 3)
  assert.deepEqual(said(again).slice(1), ['done: > Why | Because.', 'done: > Why | For another reason.'])
  const whole = watched(t, client, (await model.fork(key))!)
  assert.deepEqual(said(await when(whole, ({ history }) => history.loaded)), ['done: > First | Yes.', 'done: > Why | Because.'])
  const edited = watched(t, client, (await model.fork(key, { before: true }))!)
  const turns = (await when(edited, ({ history }) => history.loaded)).turns
  assert.deepEqual(said({ turns }), ['done: > First | Yes.'])
  assert.equal(turns[0]?.messageIds.length, 2)
  assert.ok(turns[0]!.at <= before)
})

test('a tool call waits for a person, and runs once it is allowed', async (t) => {
  const call = { toolCalls: [{ name: 'test_deed', args: { what: 'that' } }] }
  scene.script('Do it', call, { text: 'Done.' })
  scene.script('Do not', call, { text: 'Then not.' })
  const client = clientFor(t, scene.gateway.url)
  const model = watched(t, client, 'cli:confirm')
  await when(model, ({ canConfirm }) => canConfirm)
  model.send('Do it')
  const [asked] = (await when(model, ({ confirmations }) => confirmations.length === 1)).confirmations
  assert.deepEqual([asked?.tool, asked?.args, asked?.turn], ['test.deed', { what: 'that' }, model.getSnapshot().turns[0]?.key])
  await model.confirm(asked!.callId, true)
  assert.deepEqual(model.getSnapshot().confirmations, [])
  await when(model, isQuiet)
  assert.deepEqual(scene.deeds, [{ what: 'that' }])
  model.send('Do not')
  const [refused] = (await when(model, ({ confirmations }) => confirmations.length === 1)).confirmations
  await model.confirm(refused!.callId, false, 'not today')
  assert.deepEqual(said(await when(model, (one) => isQuiet(one) && one.turns.length === 2)), [
    'done: > Do it | test.deed ok | Done.',
    'done: > Do not | test.deed failed | Then not.'
  ])
  await assert.rejects(model.confirm(refused!.callId, true), { name: 'RpcError' })
})

test('a question that another client answered is gone while its tool still runs', async (t) => {
  const gate = Promise.withResolvers<void>()
  scene.until = gate.promise
  scene.script('Slowly', { toolCalls: [{ name: 'test_deed', args: { what: 'it' } }] }, { text: 'Done.' })
  const model = watched(t, clientFor(t, scene.gateway.url), 'cli:elsewhere')
  const watcher = clientFor(t, scene.gateway.url)
  const other = watched(t, watcher, 'cli:elsewhere')
  await when(other, ({ canConfirm }) => canConfirm)
  await watcher.call('events.subscribe', { kinds: ['confirm'] })
  model.send('Slowly')
  await when(other, ({ confirmations }) => confirmations.length === 1)
  const [asked] = (await when(model, ({ confirmations }) => confirmations.length === 1)).confirmations
  await model.confirm(asked!.callId, true)
  const snapshot = await when(other, ({ confirmations }) => confirmations.length === 0)
  assert.deepEqual(said(snapshot), ['working: > Slowly | test.deed running'])
  gate.resolve()
  await when(other, isQuiet)
})
