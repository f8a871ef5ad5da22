import assert from 'node:assert/strict'
import test from 'node:test'
import type { Frame } from '../../helper.ts'
import type { Recorded, Reply } from '../../model-server.ts'
import { forSummary, rig, SESSION, textsOf, tokens } from './fixtures.ts'

const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
const photo = { attachments: [{ mimeType: 'image/png', data: PNG, filename: 'cat.png' }] }
const refusal = (message: string, status = 400): Reply => ({ status, message })
const wire = ({ body }: Recorded): string => JSON.stringify(body.messages)
const last = (frames: readonly Frame[]): Frame => frames.at(-1)!

/** Refuses requests like this one. */
const when = (matches: (request: Recorded) => boolean, message: string) => (request: Recorded) =>
  matches(request) ? refusal(message) : undefined

test('a photo for a model without vision is refused once, clearly, and the conversation goes on', async (t) => {
  const { say, model } = await rig(t)
  model.rule(when((request) => wire(request).includes('image_url'), 'This model does not support image input.'))
  const { error } = last(await say('Look at this', photo))
  assert.equal(error.code, 5)
  assert.equal(
    error.message,
    'The model provider openai_compatible refused the file (HTTP 400): "This model does not support image input. [invalid_request_error]". Send it as text, or choose a tier with another model with /model'
  )
  assert.equal(model.requests.length, 1)
  assert.equal(last(await say('hello')).result.content, 'Hello from the model.')
  assert.equal(model.requests.length, 2)
  assert.deepEqual(textsOf(model.requests[1]!), [
    'user: [The user sent a message with a file here. The provider of the model refused it, so it is left out and was not answered.]\n\nhello'
  ])
})

test('a text that a filter refuses is not sent again', async (t) => {
  const { say, model } = await rig(t)
  model.rule(when((request) => wire(request).includes('forbidden fruit'), 'The prompt triggered our content management policy'))
  assert.match(
    last(await say('about the forbidden fruit')).error.message,
    /declined the message.*content management policy.*\/new/
  )
  assert.equal(last(await say('hello')).result.content, 'Hello from the model.')
  assert.equal(last(await say('and again')).result.content, 'Hello from the model.')
  assert.equal(model.requests.length, 3)
})

test('after a failure, a template that wants alternating roles gets them', async (t) => {
  const { say, model } = await rig(t)
  model.reply({ status: 503 })
  model.rule((request) => {
    const roles = request.body.messages.map(({ role }: Frame) => role)
    const twice = roles.some((role: string, n: number) => role === roles[n + 1])
    return twice ? refusal('Conversation roles must alternate user/assistant/user/assistant/...') : undefined
  })
  assert.match(last(await say('first', photo)).error.message, /overloaded/)
  assert.equal(last(await say('second')).result.content, 'Hello from the model.')
  const [text] = textsOf(model.requests.at(-1)!)
  assert.match(text!, /with a file here\. It was not answered, because the model could not be asked: "first"\]\n\nsecond$/)
})

test('files of earlier turns that a model refuses are left out, and never sent to it again', async (t) => {
  const { say, model, models, client } = await rig(t, { tiers: { blind: 200_000 } })
  await say('Look at this', photo)
  await client.call('agent.send', { message: '/model blind', sessionId: SESSION })
  const blind = models.blind!
  blind.rule(when((request) => wire(request).includes('image_url'), 'image input is not supported'))
  assert.equal(last(await say('hello')).result.content, 'Hello from the model.')
  assert.equal(last(await say('again')).result.content, 'Hello from the model.')
  assert.equal(model.requests.length, 1)
  assert.equal(blind.requests.length, 3)
  assert.match(textsOf(blind.requests[2]!)[0]!, /The file "cat\.png" \(image\/png\) was here and is left out/)
})

test('an earlier turn that is refused gives way for good', async (t) => {
  const { say, model } = await rig(t)
  await say('about the forbidden fruit')
  model.rule(when((request) => wire(request).includes('forbidden fruit'), 'not acceptable'))
  assert.equal(last(await say('hello')).result.content, 'Hello from the model.')
  const before = model.requests.length
  assert.equal(last(await say('again')).result.content, 'Hello from the model.')
  assert.equal(model.requests.length, before + 1)
  assert.doesNotMatch(wire(model.requests.at(-1)!), /forbidden/)
})

for (const [words, limit] of [
  ["This model's maximum context length is 3000 tokens. However, your messages resulted in 5000 tokens.", 3000],
  ['the request exceeds the available context size, try increasing it', undefined]
] as const) {
  test(`a window smaller than configured is learned: ${words.slice(0, 30)}`, async (t) => {
    const { say, model, app, client } = await rig(t, { contextWindow: 100_000 })
    const size = (request: Recorded) => wire(request).length / 4 + request.body.max_tokens
    for (let n = 1; n <= 6; n++) await say(`question ${n} ${'word '.repeat(300)}`)
    let refused = 0
    model.rule((request) => {
      if (size(request) > (limit ?? 3000)) {
        refused++
        return refusal(words)
      }
      return forSummary(request) ? { text: 'They asked.' } : undefined
    })
    const frames = await say('one more')
    assert.equal(last(frames).result?.content, 'Hello from the model.', JSON.stringify(last(frames).error))
    assert.ok(app.providers.describe('default').contextWindow <= 3000 * 1.5)
    const before = refused
    assert.equal(last(await say('and another')).result.content, 'Hello from the model.')
    assert.equal(refused, before)
    assert.match(
      (await client.call('agent.send', { message: '/compact', sessionId: SESSION })).content,
      /Compacted|nothing to compact/
    )
  })
}

test('/compact goes by the window that a refusal names, in pieces', async (t) => {
  const { say, model, client } = await rig(t, { contextWindow: 100_000 })
  for (let n = 1; n <= 8; n++) await say(`question ${n} ${'word '.repeat(400)}`)
  model.rule((request) => {
    if (wire(request).length / 4 > 2500) return refusal('prompt is too long: 9999 tokens > 2500 maximum')
    return forSummary(request) ? { text: 'They asked.' } : undefined
  })
  const before = model.requests.length
  assert.match((await client.call('agent.send', { message: '/compact', sessionId: SESSION })).content, /^Compacted/)
  assert.ok(model.requests.length - before > 2)
  assert.equal(last(await say('hello')).result.content, 'Hello from the model.')
  assert.match(wire(model.requests.at(-1)!), /They asked\./)
})

test('/compact helps where the provider refuses the messages themselves', async (t) => {
  const { say, model, client } = await rig(t)
  for (let n = 1; n <= 5; n++) await say(`question ${n} about the forbidden fruit`, {})
  model.rule(when((request) => wire(request).includes('question 1'), 'not acceptable'))
  assert.match((await client.call('agent.send', { message: '/compact', sessionId: SESSION })).content, /^Compacted/)
  const before = model.requests.length
  assert.equal(last(await say('hello')).result.content, 'Hello from the model.')
  assert.equal(model.requests.length, before + 1)
})

test('a failed run keeps all that the provider said, and the client sees a quote', async (t) => {
  const { say, model, app } = await rig(t)
  const long = `Nothing like this: ${'x'.repeat(1000)} the end`
  model.rule(() => refusal(long))
  const frames = await say('hello')
  assert.ok(last(frames).error.message.length < 500)
  const { runId } = frames.find(({ event }) => event === 'error')!
  assert.match((await app.db.runs.get(runId))?.errorMessage ?? '', /x the end/)
})

for (const [what, reply, stopReason, content] of [
  ['an empty answer', { text: '' }, 'empty', ''],
  ['an answer cut at its limit', { text: 'Once upon', finish: 'length' }, 'length', 'Once upon'],
  ['a complete answer', { text: 'Yes.' }, undefined, 'Yes.']
] as const) {
  test(`${what} has the stop reason ${stopReason}`, async (t) => {
    const { say, model } = await rig(t)
    model.reply({ ...reply, ...tokens(2000) })
    const { result } = last(await say('hello'))
    assert.equal(result.stopReason, stopReason)
    assert.equal(result.content, content)
  })
}

test('a tool call cut at the limit is answered with an error, and a second one ends the run', async (t) => {
  const { say, model } = await rig(t)
  const cut: Reply = { toolCalls: [{ name: 'memory_put', args: '{"key":"a","value":"lo' }], finish: 'length' }
  model.reply(cut, cut)
  const frames = await say('remember this')
  assert.equal(last(frames).result.stopReason, 'length')
  assert.equal(model.requests.length, 2)
  const ends = frames.filter(({ event }) => event === 'tool_end')
  assert.equal(ends.length, 2)
  for (const { data } of ends) assert.match(data.result.error, /limit of tokens/)
})
