import assert from 'node:assert/strict'
import test from 'node:test'
import { gatewayPlugin } from '../../../plugins/define.ts'
import { build, connect, type Frame, rejection } from '../../helper.ts'
import { told, withModel } from './fixtures.ts'

const SESSION = 'x:1'
const never = new Promise<void>(() => {})

test('a command is answered like a message, without a model, and is no part of the conversation', async (t) => {
  const { url, model } = await withModel(t)
  const client = await connect(t, url)
  const id = client.start('agent.send', { message: '/queue collect', sessionId: SESSION })
  const { result } = await client.final(id)
  assert.deepEqual(
    client.events(id).map(({ event, seq, sessionId, runId }) => [event, seq, sessionId, runId]),
    [
      ['content', 1, SESSION, result.runId],
      ['done', 2, SESSION, result.runId]
    ]
  )
  assert.equal(client.events(id)[0]!.data.text, result.content)
  assert.deepEqual(result.usage, { inputTokens: 0, outputTokens: 0 })
  assert.equal(model.requests.length, 0)
  assert.deepEqual((await client.call('sessions.get')).history, [])
  const { sessions } = await client.call('sessions.list')
  assert.equal(sessions[0].config.queue.mode, 'collect')
})

test('/stop while the agent is busy is answered at once, and stops what runs and what waits', async (t) => {
  const { url, model } = await withModel(t)
  model.reply({ text: 'One', until: never })
  const client = await connect(t, url)
  const asked = model.next()
  const running = client.start('agent.send', { message: 'one', sessionId: SESSION })
  await asked
  const waiting = client.start('agent.send', { message: 'two' })
  await client.call('agent.send', { message: '/stop' })
  for (const id of [running, waiting]) assert.equal((await client.final(id)).error.code, 4)
})

test('/new: the model sees nothing of what came before, and people still do', async (t) => {
  const { url, model } = await withModel(t)
  const client = await connect(t, url)
  await client.call('agent.send', { message: 'I am Ann', sessionId: SESSION })
  await client.call('agent.send', { message: '/new' })
  await client.call('agent.send', { message: 'Who am I?' })
  assert.deepEqual(
    model.requests.at(-1)!.body.messages.map(({ content }: Frame) => content[0].text),
    ['Who am I?']
  )
  assert.equal((await client.call('sessions.get')).history.length, 4)
})

test('a command asks for the scope of what it does, and changes nothing without it', async (t) => {
  const commands = gatewayPlugin({ name: 'danger', dependencies: ['commands'] }, async (app) => {
    app.commands.add({ name: 'wipe', summary: 'Wipe the disk', scope: 'admin', run: () => assert.fail('it ran') })
  })
  const tokens = [{ name: 'chat', token: 'chat-token', scopes: ['write' as const] }]
  const { url } = await build(t, { config: { server: { tokens } }, plugins: [commands] })
  const client = await connect(t, url, { token: 'chat-token' })
  const error = await rejection(client.call('agent.send', { message: '/wipe', sessionId: SESSION }))
  assert.equal(error.code, -5)
  assert.match(error.message, /admin/)
  assert.doesNotMatch((await client.call('agent.send', { message: '/help' })).content, /wipe/)
  // A word that is no command is for the agent.
  assert.match((await client.call('agent.send', { message: '/wiped out' })).content, /wiped out/)
})

test('two connections of one session: each hears all of it, once, the one that asked under its request', async (t) => {
  const { url, model } = await withModel(t)
  model.reply({ text: ['One', '.'] }, { text: 'Two.' })
  const [phone, desk] = [await connect(t, url), await connect(t, url)]
  const ids = new Map<typeof phone, number>()
  for (const client of [phone, desk]) {
    await client.call('system.hello', { events: ['accepted'] })
    const id = client.start('sessions.subscribe', { sessionId: SESSION })
    await client.final(id)
    ids.set(client, id)
  }
  const one = phone.start('agent.send', { message: 'from the phone', sessionId: SESSION })
  await phone.final(one)
  const two = desk.start('agent.send', { message: 'from the desk', sessionId: SESSION })
  await desk.final(two)
  await phone.frame(({ id, event, data }) => id === ids.get(phone) && event === 'done' && data.content === 'Two.')
  const first = ['accepted', 'content One', 'content .', 'done']
  const second = ['accepted', 'content Two.', 'done']
  const followed = (client: typeof phone) => told(client.frames, ids.get(client)!).filter((line) => line !== 'result')
  assert.deepEqual(told(phone.frames, one), [...first, 'result'])
  assert.deepEqual(followed(phone), second)
  assert.deepEqual(followed(desk), first)
  assert.deepEqual(told(desk.frames, two), [...second, 'result'])
})

test('a connection that breaks in the middle of an answer gets the rest on the next one, and the result', async (t) => {
  const { url, model, app } = await withModel(t)
  const rest = Promise.withResolvers<void>()
  model.reply({ text: ['Once ', 'upon ', 'a time'], until: rest.promise })
  const client = await connect(t, url)
  const id = client.start('agent.send', { message: 'Tell me', sessionId: SESSION })
  const { runId, seq } = await client.frame((frame) => frame.id === id && frame.data?.text === 'upon ')
  client.socket.terminate()
  const again = await connect(t, url)
  const resumed = again.start('sessions.resume', { sessionId: SESSION, runId, afterSeq: seq })
  rest.resolve()
  assert.equal((await again.final(resumed)).result.content, 'Once upon a time')
  assert.deepEqual(
    again.events(resumed).map(({ event, seq, data }) => [event, seq, data.text]),
    [
      ['content', 3, 'a time'],
      ['done', 4, undefined]
    ]
  )
  // The one who left is not waited for.
  assert.equal(app.bus.held.followers, 0)
})

test('sessions.delete leaves nothing of what ran and waited, and nothing stops it', async (t) => {
  const { url, model, app } = await withModel(t)
  model.reply({ text: ['A secret', '.'], until: never })
  const [client, other] = [await connect(t, url), await connect(t, url)]
  const asked = model.next()
  const running = client.start('agent.send', { message: 'run', sessionId: SESSION })
  const { runId } = await client.frame(({ id, event }) => id === running && event === 'content')
  await asked
  const waiting = client.start('agent.send', { message: 'wait', sessionId: SESSION, idempotencyKey: 'k' })
  const removed = ['one', 'two'].map(() => client.start('sessions.delete', { sessionId: SESSION }))
  const cancelled = other.start('agent.cancel', { sessionId: SESSION })
  model.reply({ text: 'Anew.' })
  const anew = other.start('agent.send', { message: 'anew', sessionId: SESSION, queueMode: 'interrupt' })
  assert.deepEqual((await client.final(removed[0]!)).result, { success: true })
  // The second finds nothing; or what came after the first, where that was quicker.
  await client.final(removed[1]!)
  await other.final(cancelled)
  for (const id of [running, waiting]) assert.equal((await client.final(id)).error.code, 4)
  await other.final(anew)
  const rows = await Promise.all([runId, ...(await app.db.queue.unended()).map(({ id }) => id)].map((id) => app.db.queue.get(id)))
  assert.deepEqual(rows, [undefined])
  assert.equal((await rejection(client.call('sessions.resume', { sessionId: SESSION, runId }))).code, -2)
})
