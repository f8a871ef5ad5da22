import assert from 'node:assert/strict'
import test from 'node:test'
import type { ChatMessage } from '../../../plugins/providers/define.ts'
import { offlineProvider } from '../../../plugins/providers/offline.ts'
import { collect, request, textOf } from '../../contract/provider.ts'

const model = offlineProvider.open({})

async function answer(...messages: readonly (string | ChatMessage)[]): Promise<string> {
  const chat = messages.map((message, n): ChatMessage => {
    if (typeof message !== 'string') return message
    return n % 2 === 0 ? { role: 'user', text: message } : { role: 'assistant', text: message }
  })
  return textOf(await collect(model.stream(request(chat))))
}

test('the first answer says what answers, what it can do and how to get a real model', async () => {
  const text = await answer('Hello')
  assert.match(text, /You said: "Hello"\./)
  assert.match(text, /I am the offline model/)
  assert.match(text, /configure models\.default\.<provider>/)
  assert.match(text, /Tools: clock\.now, weather\.lookup\./)
})

test('the same conversation gets the same answer', async () => {
  assert.equal(await answer('Hello'), await answer('Hello'))
})

test('it recalls the earlier message that has most to do with the question, and counts', async () => {
  const text = await answer('My name is Ada', 'Nice to meet you', 'I like trains', 'Good', 'Do you know my name?')
  assert.match(text, /Earlier you said: "My name is Ada"\./)
  assert.match(text, /Messages from you in this conversation: 3\./)
  assert.doesNotMatch(text, /I am the offline model/)
})

test('with nothing in common it recalls the message before', async () => {
  assert.match(await answer('My name is Ada', 'Hello', 'Tea', 'Good', 'Why?'), /Earlier you said: "Tea"\./)
})

test('it repeats a text to the letter', async () => {
  assert.equal(await answer('say  two\n  lines  '), 'two\n  lines  ')
})

test('several messages of one turn are answered together', async () => {
  const text = await answer({ role: 'user', text: 'one' }, { role: 'user', text: 'two' })
  assert.match(text, /You said: "one", "two"\./)
})

test('it names the files that came with a message', async () => {
  const attachments = [{ mimeType: 'image/png', data: '', filename: 'cat.png' }]
  assert.match(await answer({ role: 'user', text: 'Look', attachments }), /With it came cat\.png \(image\/png\)\./)
})

test('it answers with what its tools said, and does not call them again', async () => {
  const toolCalls = [
    { callId: '1', tool: 'clock.now', args: {} },
    { callId: '2', tool: 'weather.lookup', args: {} }
  ]
  const text = await answer(
    '/tool clock.now\n/tool weather.lookup',
    { role: 'assistant', text: '', toolCalls },
    { role: 'tool', callId: '1', tool: 'clock.now', output: 'noon', failed: false },
    { role: 'tool', callId: '2', tool: 'weather.lookup', output: 'no city given', failed: true }
  )
  assert.equal(text, 'clock.now answered:\nnoon\n\nweather.lookup failed:\nno city given')
})

test('a message that was steered in is answered beside the results', async () => {
  const text = await answer(
    '/tool clock.now',
    { role: 'assistant', text: '', toolCalls: [{ callId: '1', tool: 'clock.now', args: {} }] },
    { role: 'tool', callId: '1', tool: 'clock.now', output: 'noon', failed: false },
    { role: 'user', text: 'hurry up' }
  )
  assert.match(text, /^clock\.now answered:\nnoon\n\nYou said: "hurry up"\./)
})

test('arguments may span lines, and a message that only mentions /tool calls nothing', async () => {
  const parts = await collect(model.stream(request('/tool weather.lookup {\n  "city": "Rom"\n}')))
  assert.deepEqual(parts[0]?.type === 'tool_call' && parts[0].call.args, { city: 'Rom' })
  assert.match(await answer('How does /tool work?'), /You said/)
  assert.match(await answer('/tool'), /You said: "\/tool"\./)
})

test('a long message is quoted in part, without tearing a character', async () => {
  const text = await answer('🚂'.repeat(3000))
  assert.match(text, /"(🚂){500}…"/u)
})

test('it has the context window it is given', () => {
  assert.equal(offlineProvider.open({ contextWindow: 1000 }).contextWindow, 1000)
})

test('a huge message without a blank is no trouble', async () => {
  const text = 'x'.repeat(1_000_000)
  assert.equal(await answer(`say ${text} ${text}`), `${text} ${text}`)
})
