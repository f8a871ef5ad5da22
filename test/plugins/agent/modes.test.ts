import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { connect, type Frame, type TestClient } from '../../helper.ts'
import { slowTool, told, transcript, withModel } from './fixtures.ts'

const SESSION = 'x:1'

/** A session whose first message is being answered until the test says so; the model then answers as it is told. */
async function busy(t: TestContext, lanes: object = {}) {
  const answered = Promise.withResolvers<void>()
  const gateway = await withModel(t, { lanes })
  gateway.model.reply({ text: ['One', '.'], until: answered.promise })
  const client = await connect(t, gateway.url)
  await client.call('system.hello', { events: ['accepted'] })
  const asked = gateway.model.next()
  const first = send(client, 'first')
  await asked
  return { ...gateway, client, first, finish: () => answered.resolve() }
}

function send(client: TestClient, message: string, params: object = {}): number {
  return client.start('agent.send', { message, sessionId: SESSION, ...params })
}

const accepted = (client: TestClient, id: number): Promise<Frame> =>
  client.frame((frame) => frame.id === id && frame.event === 'accepted')

/** What a model was asked: the text of each message. */
function prompt({ body }: Frame): string[] {
  return body.messages.flatMap(({ role, content }: Frame) =>
    content.map(({ type, text }: Frame) => `${role} ${type === 'text' ? text : type}`)
  )
}

/** What came of requests, without the long-winded. */
const outcomes = (client: TestClient, ids: readonly number[]): Promise<unknown[]> =>
  Promise.all(
    ids.map(async (id) => {
      const { result, error } = await client.final(id)
      return result ? [result.content, result.queue.outcome] : [error.code, error.data.queue]
    })
  )

test('followup: each message waits, and is answered by a run of its own, in order', async (t) => {
  const { client, first, finish, model } = await busy(t)
  model.reply({ text: 'Two.' }, { text: 'Three.' })
  const [second, third] = [send(client, 'second'), send(client, 'third')]
  assert.deepEqual((await accepted(client, second)).data.position, 1)
  assert.deepEqual((await accepted(client, third)).data.position, 2)
  finish()
  assert.deepEqual(await outcomes(client, [first, second, third]), [
    ['One.', 'completed'],
    ['Two.', 'completed'],
    ['Three.', 'completed']
  ])
})

test('collect: waiting messages form one turn, whose events and result each request gets', async (t) => {
  const { client, first, finish, model } = await busy(t, { default: { mode: 'collect', debounceMs: 0 } })
  model.reply({ text: 'Two and three.' })
  const [second, third] = [send(client, 'second'), send(client, 'third')]
  await accepted(client, third)
  finish()
  const results = await Promise.all([first, second, third].map(async (id) => (await client.final(id)).result))
  assert.deepEqual(prompt(model.requests.at(-1)!).slice(-2), ['user second', 'user third'])
  assert.equal(model.requests.length, 2)
  for (const id of [second, third]) {
    assert.deepEqual(told(client.frames, id), ['accepted', 'content Two and three.', 'done', 'result'])
  }
  const [, two, three] = results
  assert.deepEqual([two.runId, three.runId], [two.queue.messageId, two.queue.messageId])
  assert.deepEqual(
    [two.queue, three.queue].map(({ outcome, collected }) => [outcome, collected]),
    [
      ['collected', 2],
      ['collected', 2]
    ]
  )
})

test('collect merges what one caller sent, and not what another did', async (t) => {
  const tokens = ['ann', 'bob'].map((name) => ({ name, token: `token-of-${name}`, scopes: ['write' as const] }))
  const held = Promise.withResolvers<void>()
  const { url, model } = await withModel(t, { server: { tokens }, lanes: { default: { mode: 'collect', debounceMs: 0 } } })
  model.reply({ text: 'One.', until: held.promise }, { text: 'Ann.' }, { text: 'Bob.' })
  const ann = await connect(t, url, { token: 'token-of-ann' })
  const bob = await connect(t, url, { token: 'token-of-bob' })
  for (const client of [ann, bob]) await client.call('system.hello', { events: ['accepted'] })
  const asked = model.next()
  send(ann, 'one')
  await asked
  const second = send(ann, 'two')
  await accepted(ann, second)
  const his = send(bob, 'his')
  await accepted(bob, his)
  const third = send(ann, 'three')
  await accepted(ann, third)
  held.resolve()
  assert.deepEqual(await outcomes(ann, [second, third]), [
    ['Ann.', 'collected'],
    ['Ann.', 'collected']
  ])
  assert.deepEqual(await outcomes(bob, [his]), [['Bob.', 'completed']])
})

test('steer: the running turn sees it before its next model call, and its request ends with the run', async (t) => {
  const tool = slowTool()
  const { url, model } = await withModel(t, { plugins: [tool.plugin], lanes: { default: { mode: 'steer' } } })
  model.reply(
    {
      toolCalls: [
        { id: 'a', name: 'test.slow', args: {} },
        { id: 'b', name: 'test.slow', args: {} }
      ]
    },
    { text: 'As you wish.' }
  )
  const client = await connect(t, url)
  await client.call('system.hello', { events: ['accepted'] })
  const first = send(client, 'first')
  await tool.called
  const second = send(client, 'rather this')
  assert.equal((await accepted(client, second)).data.position, 0)
  tool.answer('done')
  assert.deepEqual(await outcomes(client, [first, second]), [
    ['As you wish.', 'completed'],
    ['As you wish.', 'steered']
  ])
  // Both calls have a result, the one that was never made too, and what was said comes after them.
  assert.deepEqual(prompt(model.requests.at(-1)!).slice(-3), ['user tool_result', 'user tool_result', 'user rather this'])
  assert.deepEqual(told(client.frames, first), ['accepted', 'tool_start', 'tool_end', 'content As you wish.', 'done', 'result'])
  // From when it was taken on.
  assert.deepEqual(told(client.frames, second), ['accepted', 'content As you wish.', 'done', 'result'])
  const { history } = await client.call('sessions.get', { sessionId: SESSION })
  assert.deepEqual(
    history.map(({ role, content }: Frame) => `${role} ${content}`),
    ['user first', 'assistant ', 'user rather this', 'assistant As you wish.']
  )
})

test('steer: a run that ends before it could see the message leaves it to a run of its own, and says so', async (t) => {
  const { client, first, finish, model } = await busy(t, { default: { mode: 'steer' } })
  model.reply({ text: 'Two.' })
  const second = send(client, 'second')
  await accepted(client, second)
  finish()
  assert.deepEqual(await outcomes(client, [first, second]), [
    ['One.', 'completed'],
    ['Two.', 'followup']
  ])
})

test('steer_backlog: the running turn sees it, and it is answered for itself, flagged', async (t) => {
  const tool = slowTool()
  const { url, model } = await withModel(t, { plugins: [tool.plugin], lanes: { default: { mode: 'steer_backlog' } } })
  model.reply({ toolCalls: [{ id: 'a', name: 'test.slow', args: {} }] }, { text: 'Noted.' }, { text: 'And now for you.' })
  const client = await connect(t, url)
  await client.call('system.hello', { events: ['accepted'] })
  const first = send(client, 'first')
  await tool.called
  const second = send(client, 'second')
  const { messageId } = (await accepted(client, second)).data
  tool.answer('done')
  assert.equal((await client.final(first)).result.content, 'Noted.')
  const { result } = await client.final(second)
  assert.equal(result.content, 'And now for you.')
  assert.deepEqual(result.queue, { messageId, mode: 'steer_backlog', outcome: 'completed', backlog: true })
  assert.ok(prompt(model.requests[1]!).includes('user second'))
})

test('interrupt: the run is stopped, what waits is superseded, and the newcomer is told first', async (t) => {
  const { client, first, model, app } = await busy(t)
  await client.frame((frame) => frame.id === first && frame.event === 'content')
  const second = send(client, 'second')
  await accepted(client, second)
  model.reply({ text: 'Three.' })
  const third = send(client, 'third', { queueMode: 'interrupt' })
  const notice = await client.frame((frame) => frame.id === third && frame.event === 'content')
  assert.equal(notice.data.transient, true)
  assert.deepEqual((await client.final(first)).error.code, 4)
  const { error } = await client.final(second)
  assert.deepEqual([error.code, error.data.queue.code, error.data.retryable], [3, 'superseded', false])
  const { result } = await client.final(third)
  assert.deepEqual([result.content, result.runId], ['Three.', result.queue.messageId])
  assert.deepEqual(
    client
      .events(third)
      .filter(({ event }) => event !== 'accepted')
      .map(({ seq, runId }) => [seq, runId === result.runId]),
    [
      [1, true],
      [2, true],
      [3, true]
    ]
  )
  assert.deepEqual(transcript(await client.call('sessions.get', { sessionId: SESSION })), [
    'user complete: first',
    'assistant partial: One.',
    'user complete: third',
    'assistant complete: Three.'
  ])
  const [entry] = (await app.db.audit.list({ limit: 10 })).filter(({ event }: Frame) => event === 'queue.preempt')
  assert.deepEqual(entry?.detail, { sessionId: SESSION, messageId: result.runId, stopped: [(await runOf(client, first)).runId] })
})

const runOf = (client: TestClient, id: number): Promise<Frame> =>
  client.frame((frame) => frame.id === id && frame.event !== undefined && frame.runId !== undefined)

for (const overflow of ['drop_old', 'drop_new'] as const) {
  test(`overflow, ${overflow}: whoever has to go gets the error event and the error, and the next turn is told`, async (t) => {
    const { client, first, finish, model } = await busy(t, { default: { cap: 1, overflow } })
    model.reply({ text: 'Next.' })
    const second = send(client, 'second '.repeat(40))
    await accepted(client, second)
    const third = send(client, 'third')
    const [gone, stays] = overflow === 'drop_old' ? [second, third] : [third, second]
    const { error } = await client.final(gone)
    const queue = { code: 'overflow', laneId: SESSION, mode: 'followup', overflow, droppedCount: 1 }
    assert.deepEqual([error.code, error.data], [3, { retryable: true, queue }])
    const event = client.events(gone).find(({ event }) => event === 'error')
    assert.deepEqual(event?.data, { code: 3, message: error.message, queue })
    assert.deepEqual([event?.seq, event?.sessionId], [1, SESSION])
    finish()
    assert.deepEqual(await outcomes(client, [first, stays]), [
      ['One.', 'completed'],
      ['Next.', 'completed']
    ])
    const note = prompt(model.requests.at(-1)!)
      .find((text) => text.includes('dropped'))
      ?.split(']')[0]
    assert.ok(note?.includes(overflow === 'drop_old' ? 'second '.repeat(22) : 'third'))
    assert.ok(!note?.includes('second '.repeat(24)))
  })
}

test('without summarizeOverflow the next turn is told nothing', async (t) => {
  const { client, finish, model } = await busy(t, { default: { cap: 1, summarizeOverflow: false } })
  model.reply({ text: 'Next.' })
  const [second, third] = [send(client, 'second'), send(client, 'third')]
  await client.final(second)
  finish()
  await client.final(third)
  assert.ok(prompt(model.requests.at(-1)!).every((text) => !text.includes('dropped')))
})

test('a mode that is none is refused with the ones there are', async (t) => {
  const { client } = await busy(t)
  const { error } = await client.final(send(client, 'second', { queueMode: 'jump' }))
  assert.equal(error.code, -2)
  assert.match(error.message, /params\.queueMode .*collect.*interrupt/)
})

test('the same idempotency key is the same message: while it waits, while it runs, and after it has ended', async (t) => {
  const { client, finish, model, url } = await busy(t)
  model.reply({ text: 'Two.' })
  const second = send(client, 'second', { idempotencyKey: 'k' })
  await accepted(client, second)
  const other = await connect(t, url)
  const again = send(other, 'second', { idempotencyKey: 'k' })
  finish()
  const { result } = await client.final(second)
  assert.deepEqual((await other.final(again)).result, result)
  const later = await client.final(send(client, 'something else', { idempotencyKey: 'k' }))
  assert.deepEqual(later.result, result)
  assert.equal(model.requests.length, 2)
})

test('many sends of one key at the same moment are one message', async (t) => {
  const { url, model } = await withModel(t)
  const clients = await Promise.all(Array.from({ length: 5 }, () => connect(t, url)))
  const ids = clients.map((client) => send(client, 'once', { idempotencyKey: 'k' }))
  const results = await Promise.all(ids.map((id, index) => clients[index]!.final(id)))
  assert.equal(new Set(results.map(({ result }) => result.runId)).size, 1)
  assert.equal(model.requests.length, 1)
})

test('what overflow dropped gave its key up: the error says to try again', async (t) => {
  const { client, finish, model } = await busy(t, { default: { cap: 1, overflow: 'drop_new' } })
  model.reply({ text: 'Two.' }, { text: 'Three.' })
  const second = send(client, 'second')
  await accepted(client, second)
  assert.equal((await client.final(send(client, 'third', { idempotencyKey: 'k' }))).error.code, 3)
  finish()
  await client.final(second)
  assert.equal((await client.final(send(client, 'third', { idempotencyKey: 'k' }))).result.content, 'Three.')
})

test('a message that failed is not tried again under its key: who sends it again is told how it ended, and nobody else anything', async (t) => {
  const { url, model } = await withModel(t)
  const [client, onlooker] = [await connect(t, url), await connect(t, url)]
  model.reply({ status: 400, message: 'no' })
  const { error } = await client.final(send(client, 'once', { idempotencyKey: 'k' }))
  const followed = onlooker.start('sessions.subscribe', { sessionId: SESSION })
  await onlooker.final(followed)
  assert.deepEqual((await client.final(send(client, 'once', { idempotencyKey: 'k' }))).error, error)
  assert.equal(model.requests.length, 1)
  await onlooker.call('system.info')
  assert.deepEqual(onlooker.events(followed), [])
})

test("a key is its sender's own", async (t) => {
  const tokens = ['ann', 'bob'].map((name) => ({ name, token: `token-of-${name}`, scopes: ['write' as const] }))
  const { url, model } = await withModel(t, { server: { tokens } })
  model.reply({ text: 'For Ann.' }, { text: 'For Bob.' })
  for (const [name, answer] of [
    ['ann', 'For Ann.'],
    ['bob', 'For Bob.']
  ]) {
    const client = await connect(t, url, { token: `token-of-${name}` })
    const { result } = await client.final(send(client, 'hello', { idempotencyKey: '1' }))
    assert.equal(result.content, answer)
  }
})

test('a command that is sent again under its key is not given again', async (t) => {
  const { client, first, model } = await busy(t)
  const stopped = await client.final(send(client, '/stop', { idempotencyKey: 'c' }))
  assert.equal((await client.final(first)).error.code, 4)
  model.reply({ text: 'Two.' })
  const held = Promise.withResolvers<void>()
  model.reply({ text: 'Three.', until: held.promise })
  await client.final(send(client, 'second'))
  const asked = model.next()
  const third = send(client, 'third')
  await asked
  const again = await client.final(send(client, '/stop', { idempotencyKey: 'c' }))
  assert.equal(again.result.content, stopped.result.content)
  held.resolve()
  assert.equal((await client.final(third)).result.content, 'Three.')
})

test('a message taken back while a run takes it up takes nothing with it', async (t) => {
  const tool = slowTool()
  const { url, model, app } = await withModel(t, { plugins: [tool.plugin] })
  model.reply({ toolCalls: [{ id: 'a', name: 'test.slow', args: {} }] }, { text: 'Fine.' })
  const client = await connect(t, url)
  await client.call('system.hello', { events: ['accepted'] })
  const first = send(client, 'first')
  await tool.called
  const steered = send(client, 'rather this', { queueMode: 'steer' })
  await accepted(client, steered)
  const both = send(client, 'and that', { queueMode: 'steer_backlog' })
  const { messageId } = (await accepted(client, both)).data
  // Taken back in the very moment between what the run takes and what it reads.
  const { claim } = app.db.queue
  app.db.queue.claim = async (taken) => {
    void app.lanes.queues.cancel(SESSION, messageId, { id: 'local', scopes: new Set(['admin']) })
    await claim(taken)
  }
  tool.answer('done')
  assert.deepEqual(await outcomes(client, [first, steered]), [
    ['Fine.', 'completed'],
    ['Fine.', 'steered']
  ])
  assert.equal((await client.final(both)).error.code, 4)
})
