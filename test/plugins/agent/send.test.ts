import assert from 'node:assert/strict'
import test from 'node:test'
import { build, connect, type Frame, rejection } from '../../helper.ts'
import { told, transcript, withModel } from './fixtures.ts'

test('an answer comes as content events, done and the result, all of them the same text', async (t) => {
  const { url, model } = await withModel(t)
  model.reply({ text: ['Hello', ', ', 'wörld ', '🌍', '!'], usage: { input: 25, output: 30 } })
  const client = await connect(t, url)
  const id = client.start('agent.send', { message: 'Hello, Flynn!', sessionId: 'telegram:123456' })
  const { result } = await client.final(id)
  const { runId, queue, ...rest } = result
  assert.deepEqual(queue, { messageId: runId, mode: 'followup', outcome: 'completed' })
  const content = 'Hello, wörld 🌍!'
  assert.deepEqual(rest, {
    sessionId: 'telegram:123456',
    content,
    response: content,
    usage: { inputTokens: 25, outputTokens: 30 }
  })
  const events = client.events(id)
  assert.deepEqual(events.at(-1), {
    id,
    event: 'done',
    data: { content },
    sessionId: 'telegram:123456',
    runId,
    seq: events.length
  })
  assert.equal(
    events
      .slice(0, -1)
      .map(({ data }) => data.text)
      .join(''),
    content
  )
})

test('what tools do is told between the texts, and all texts together are the answer', async (t) => {
  const { url, model } = await withModel(t)
  model.reply(
    {
      text: ['Let me ', 'note that.'],
      toolCalls: [
        { name: 'memory_put', args: { key: 'city', value: 'Linz' } },
        { name: 'memory_get', args: { key: 'nothing' } }
      ],
      usage: { input: 10, output: 5 }
    },
    { toolCalls: [{ name: 'no_such', args: {} }], usage: { input: 20, output: 2 } },
    { text: ['Noted', '.'], usage: { input: 30, output: 3 } }
  )
  const client = await connect(t, url)
  const id = client.start('agent.send', { message: 'I live in Linz' })
  const { result } = await client.final(id)
  assert.deepEqual(told(client.frames, id), [
    'content Let me ',
    'content note that.',
    'tool_start',
    'tool_end',
    'tool_start',
    'tool_end',
    'tool_start',
    'tool_end',
    'content \n\n',
    'content Noted',
    'content .',
    'done',
    'result'
  ])
  const events = client.events(id)
  assert.deepEqual(
    events.map(({ seq }) => seq),
    events.map((_, index) => index + 1)
  )
  const text = events.flatMap(({ event, data }) => (event === 'content' ? data.text : [])).join('')
  assert.equal(text, 'Let me note that.\n\nNoted.')
  assert.deepEqual([events.at(-1)?.data.content, result.content, result.response], [text, text, text])
  assert.deepEqual(result.usage, { inputTokens: 60, outputTokens: 10 })

  const [start, end] = events.filter(({ event }) => event?.startsWith('tool_')) as [Frame, Frame]
  assert.deepEqual(start.data, { tool: 'memory.put', args: { key: 'city', value: 'Linz' }, callId: start.data.callId })
  assert.equal(end.data.callId, start.data.callId)
  assert.deepEqual([end.data.tool, end.data.result.success, end.data.result.error], ['memory.put', true, null])
  const unknown = events.filter(({ event }) => event === 'tool_end').at(-1)
  assert.equal(unknown?.data.result.success, false)

  const { history } = await client.call('sessions.get')
  assert.deepEqual(
    history.map(({ role, content, toolCalls }: Frame) => [role, content, toolCalls?.map(({ tool }: Frame) => tool)]),
    [
      ['user', 'I live in Linz', undefined],
      ['assistant', 'Let me note that.', ['memory.put', 'memory.get']],
      ['assistant', '', ['no_such']],
      ['assistant', 'Noted.', undefined]
    ]
  )
  assert.deepEqual(history[1].toolCalls[0].result, end.data.result)
})

test('messages to one session are answered one after the other, in the order they came', async (t) => {
  const { url, model } = await withModel(t)
  const gates = Array.from({ length: 4 }, () => Promise.withResolvers<void>())
  model.reply(...gates.map(({ promise }, n) => ({ text: `answer ${n}`, until: promise })))
  const [client, other] = [await connect(t, url), await connect(t, url)]
  const sent: (readonly [typeof client, number])[] = []
  for (let n = 0; n < gates.length; n++) {
    const from = n % 2 ? other : client
    const arrived = n === 0 ? model.next() : undefined
    sent.push([from, from.start('agent.send', { message: `message ${n}`, sessionId: 'x:1' })])
    // Two sockets: a message is on the gateway once a request after it is answered there.
    await from.call('system.info')
    await arrived
  }
  for (const [n, gate] of gates.entries()) {
    assert.equal(model.requests.length, n + 1, 'the next run has not begun before this one ends')
    const { messages } = model.requests[n]!.body
    assert.equal(messages.length, 2 * n + 1, 'a run sees what those before it said')
    assert.deepEqual(messages.at(-1).content, [{ type: 'text', text: `message ${n}` }])
    const next = n + 1 < gates.length ? model.next() : undefined
    gate.resolve()
    const [from, id] = sent[n]!
    assert.equal((await from.final(id)).result.content, `answer ${n}`)
    await next
  }
  assert.deepEqual(
    transcript(await client.call('sessions.get', { sessionId: 'x:1' })),
    gates.flatMap((_, n) => [`user complete: message ${n}`, `assistant complete: answer ${n}`])
  )
})

test('sessions do not wait for each other, up to the number of runs there may be', async (t) => {
  const { url, model } = await withModel(t, { lanes: { maxConcurrentRuns: 3 } })
  const gates = Array.from({ length: 4 }, () => Promise.withResolvers<void>())
  model.reply(...gates.map(({ promise }, n) => ({ text: `answer ${n}`, until: promise })))
  const client = await connect(t, url)
  const ids: number[] = []
  for (let n = 0; n < 3; n++) {
    const arrived = model.next()
    ids.push(client.start('agent.send', { message: `message ${n}`, sessionId: `x:${n}` }))
    await arrived
  }
  ids.push(client.start('agent.send', { message: 'message 3', sessionId: 'x:3' }))
  await client.call('system.info')
  assert.equal(model.requests.length, 3)
  const fourth = model.next()
  gates[1]!.resolve()
  assert.equal((await client.final(ids[1]!)).result.content, 'answer 1')
  await fourth
  for (const gate of gates) gate.resolve()
  for (const [n, id] of ids.entries()) assert.equal((await client.final(id)).result.content, `answer ${n}`)
})

test('a connection talks in a session of its own until it names another, and stays in that one', async (t) => {
  const { url } = await build(t)
  const client = await connect(t, url)
  const { connectionId, sessionId } = await client.call('system.hello')
  assert.equal(sessionId, `ws:${connectionId}`)
  assert.equal((await rejection(client.call('sessions.get'))).code, 1, 'it is stored only once it is used')

  const say = async (params: object) => (await client.call('agent.send', { message: 'say hi', ...params })).sessionId
  assert.equal(await say({}), sessionId)
  assert.equal(await say({ sessionId: 'telegram:1' }), 'telegram:1')
  assert.equal(await say({}), 'telegram:1')
  assert.equal(await say({ session: 'telegram:2' }), 'telegram:2')
  assert.equal((await client.call('sessions.get')).id, 'telegram:2')
  const { total } = await client.call('sessions.list')
  assert.equal(total, 3)
})

test('a message that says nothing and a session that is none are refused, and nothing is stored', async (t) => {
  const { url } = await build(t)
  const client = await connect(t, url)
  for (const [params, message] of [
    [{ message: '' }, /^params\.message must not be empty without an attachment/],
    [{ message: '', attachments: [] }, /^params\.message must not be empty/],
    [{ message: 7 }, /^params\.message must be a string of at most 1048576 characters, got 7/],
    [{ message: 'x', sessionId: 'nocolon' }, /^params\.sessionId must be '<frontend>:<key>'/],
    [{ message: 'x', sessionId: 'a:b\n' }, /^params\.sessionId must be/],
    [{ message: 'x', sessionId: 'a:1', session: 'a:2' }, /^params\.session is an alias/]
  ] as const) {
    const error = await rejection(client.call('agent.send', params as Record<string, unknown>))
    assert.equal(error.code, -2)
    assert.match(error.message, message)
    assert.equal(typeof error.data.issues[0].path, 'string')
  }
  assert.equal((await client.call('sessions.list')).total, 0)
  assert(client.frames.every((frame) => !('event' in frame)))
})

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64'
).toString('base64')

test('an image reaches the model, and again with every later message of the session', async (t) => {
  const { url, model } = await withModel(t)
  const client = await connect(t, url)
  const attachments = [{ mimeType: 'image/png', data: PNG, filename: 'dot.png' }]
  await client.call('agent.send', { message: 'What is this?', attachments })
  await client.call('agent.send', { message: '', attachments })
  for (const { body } of model.requests) {
    const image = body.messages[0].content.find(({ type }: Frame) => type === 'image')
    assert.deepEqual(image.source, { type: 'base64', media_type: 'image/png', data: PNG })
  }
  assert.equal(model.requests[1]?.body.messages.at(-1).content.filter(({ type }: Frame) => type === 'image').length, 1)
  const { history } = await client.call('sessions.get')
  assert.deepEqual(history[0].attachments, [
    { id: '1-0', mimeType: 'image/png', filename: 'dot.png', bytes: Buffer.from(PNG, 'base64').length }
  ])
})

test('attachments that are not what they say are refused with their place, and the model is not asked', async (t) => {
  const { url, model } = await withModel(t)
  const client = await connect(t, url)
  const png = { mimeType: 'image/png', data: PNG }
  const refusal = async (attachments: unknown[]): Promise<[string, string]> => {
    const { code, data } = await rejection(client.call('agent.send', { message: 'look', attachments }))
    assert.equal(code, -2)
    return [data.issues[0].path, data.issues[0].message]
  }
  assert.deepEqual(await refusal([png, { ...png, mimeType: 'image/jpeg' }]), [
    'params.attachments[1].mimeType',
    'says image/jpeg, but the data is image/png'
  ])
  assert.deepEqual(await refusal([{ mimeType: 'image/png', data: 'aGVsbG8=' }]), [
    'params.attachments[0].mimeType',
    'says image/png, but the data does not look like it'
  ])
  assert.deepEqual(await refusal([{ mimeType: 'image/png', data: 'not base64!' }]), [
    'params.attachments[0].data',
    'must be base64, padded, without line breaks'
  ])
  assert.equal((await refusal(Array(11).fill(png)))[0], 'params.attachments')
  const large = { mimeType: 'text/plain', data: Buffer.alloc(5.5 * 1024 * 1024, 'x').toString('base64') }
  assert.deepEqual(await refusal([large, large]), [
    'params.attachments',
    'must hold at most 10485760 bytes together, got 11534336'
  ])
  assert.equal((await refusal([{ mimeType: 'image/png', data: PNG, url: 'http://x' }]))[0], 'params.attachments[0].url')
  assert.equal(model.requests.length, 0)
  assert.equal((await client.call('sessions.list')).total, 0)
})
