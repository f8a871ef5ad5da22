import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { ChatEvents } from '../../../plugins/providers/chat-events.ts'
import { EventReader } from '../../../plugins/providers/event-reader.ts'
import { MessageEvents } from '../../../plugins/providers/message-events.ts'
import { modelBehind, outcomeOf } from './wire.ts'

const data = (value: unknown): string => `data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`
const said = (content: unknown, rest: object = {}) =>
  data({ choices: [{ index: 0, delta: { content }, finish_reason: null, ...rest }] })
const ended = (finish_reason: unknown, rest: object = {}) => data({ choices: [{ index: 0, delta: {}, finish_reason }], ...rest })
const called = (call: object) => data({ choices: [{ index: 0, delta: { tool_calls: [call] } }] })
const DONE = data('[DONE]')
const usage = { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 }
const calls = (...tools: object[]) => tools

interface Case {
  readonly wire: string
  readonly text?: string
  readonly calls?: unknown[]
  readonly reason?: string
  readonly contentType?: string
}

const CHAT: Readonly<Record<string, Case>> = {
  'an unknown finish reason': { wire: said('Hi') + ended('eos') + DONE },
  'a finish reason in capitals': { wire: said('Hi') + ended('STOP') + DONE },
  'the finish reason of another API': { wire: said('Hi') + ended('end_turn') + DONE },
  'a limit by another name': { wire: said('Hi') + ended('MAX_TOKENS') + DONE, reason: 'length' },
  'an empty finish reason with every chunk': {
    wire: said('H', { finish_reason: '' }) + said('i', { finish_reason: 'null' }) + ended('stop') + DONE
  },
  'usage without choices': { wire: said('Hi') + ended('stop') + data({ usage }) + DONE },
  'usage with choices null': { wire: said('Hi') + ended('stop') + data({ choices: null, usage }) + DONE },
  'usage null, in every chunk': { wire: said('Hi') + ended('stop', { usage: null }) + DONE },
  'usage of strings': { wire: said('Hi') + ended('stop', { usage: { prompt_tokens: 'many', completion_tokens: null } }) + DONE },
  'an empty data line': { wire: `${said('Hi')}data:\n\ndata: \n\n${ended('stop')}${DONE}` },
  'comments and CRLF': {
    wire: `: ping\r\n\r\n${said('Hi').replaceAll('\n', '\r\n')}: OPENROUTER PROCESSING\r\n\r\n${ended('stop')}`
  },
  'an event of several lines': { wire: `data: {"choices":[{"delta":\ndata: {"content":"Hi"}}]}\n\n${ended('stop')}` },
  'error: null': { wire: data({ error: null, choices: [{ index: 0, delta: { content: 'Hi' } }] }) + ended('stop') + DONE },
  'error: false and {}': { wire: data({ error: false, choices: [] }) + said('Hi') + data({ error: {} }) + ended('stop') },
  'no [DONE]': { wire: said('Hi') + ended('stop') },
  'no finish reason before [DONE]': { wire: said('Hi') + DONE },
  'a last event without its blank line': { wire: `${said('Hi')}${ended('stop').trimEnd()}` },
  'an error after the end': { wire: said('Hi') + ended('stop') + data({ error: { message: 'billing service is away' } }) },
  'no JSON after the end': { wire: `${said('Hi')}${ended('stop')}data: {"usage":\n\n` },
  'text after [DONE]': { wire: said('Hi') + ended('stop') + DONE + said(' again') },
  'delta: null': { wire: data({ choices: [{ index: 0, delta: null, finish_reason: null }] }) + said('Hi') + ended('stop') },
  'content: null': { wire: said(null) + said('Hi') + ended('stop') },
  'a role that is none': { wire: data({ choices: [{ delta: { role: 'model', content: 'Hi' } }] }) + ended('stop') },
  'members of other types': {
    wire:
      data({
        id: 7,
        created: 'now',
        model: null,
        choices: [{ index: 0, delta: { content: 'Hi', refusal: false, annotations: 'no' }, logprobs: { content: [{}] } }]
      }) + ended('stop')
  },
  'a choice that is no object': { wire: data({ choices: [null, 'x', { delta: { content: 'Hi' } }] }) + ended('stop') },
  'content as a list of parts': {
    wire: said([{ type: 'text', text: 'H' }, null, { type: 'image_url' }, { type: 'text', text: 'i' }]) + ended('stop')
  },
  'events that are no object': { wire: data('null') + data('"ping"') + data('[]') + said('Hi') + ended('stop') },
  'a prompt filter first (Azure)': { wire: data({ choices: [], prompt_filter_results: [{}] }) + said('Hi') + ended('stop') },
  'a message in place of a delta': {
    wire: data({ choices: [{ message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }] })
  },
  'an answer that is not streamed': {
    wire: JSON.stringify({ id: 'x', choices: [{ message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }], usage }),
    contentType: 'application/json'
  },
  'a call in an answer that is not streamed': {
    wire: JSON.stringify({
      choices: [
        { message: { tool_calls: [{ id: 'a', function: { name: 'clock_now', arguments: '{}' } }] }, finish_reason: 'tool_calls' }
      ]
    }),
    contentType: 'application/json',
    text: '',
    reason: 'tool_calls',
    calls: calls({ callId: 'a', tool: 'clock.now', args: {} })
  },
  'reasoning before the answer': {
    wire: data({ choices: [{ delta: { reasoning_content: 'hm' } }] }) + said('Hi') + ended('stop')
  },
  'nothing but reasoning': { wire: data({ choices: [{ delta: { reasoning: 'hm' } }] }) + ended('stop'), text: '' },
  'nothing at all': { wire: DONE, text: '' },
  'think tags': { wire: said('<think>hm</think>Hi') + ended('stop'), text: '<think>hm</think>Hi' },
  'a call with arguments as an object': {
    wire: called({ id: 'a', function: { name: 'clock_now', arguments: { zone: 'UTC' } } }) + ended('tool_calls'),
    text: '',
    reason: 'tool_calls',
    calls: calls({ callId: 'a', tool: 'clock.now', args: { zone: 'UTC' } })
  },
  'calls without index and type, ended with stop': {
    wire:
      called({ id: 'a', function: { name: 'clock_now', arguments: '{}' } }) +
      called({ id: 'b', function: { name: 'clock_now', arguments: '' } }) +
      ended('stop'),
    text: '',
    reason: 'tool_calls',
    calls: calls({ callId: 'a', tool: 'clock.now', args: {} }, { callId: 'b', tool: 'clock.now', args: {} })
  },
  'calls that are null or no object': {
    wire:
      said('Hi', {}) +
      data({ choices: [{ delta: { tool_calls: null } }] }) +
      data({ choices: [{ delta: { tool_calls: [null, {}, 'x'] } }] }) +
      ended('stop')
  }
}

for (const name of ['openai', 'openai_compatible']) {
  for (const [what, { wire, text = 'Hi', calls = [], reason = 'stop', contentType }] of Object.entries(CHAT)) {
    test(`${name} takes ${what}`, async (t) => {
      const { model } = await modelBehind(t, name, [{ verbatim: wire, ...(contentType && { contentType }) }])
      assert.deepEqual(await outcomeOf(model), { text, calls, reason })
    })
  }
}

const event = (type: string, fields: object = {}): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`
const start = (message: object = {}) =>
  event('message_start', { message: { id: 'm', role: 'assistant', content: [], ...message } })
const block = (index: number, content_block: object) => event('content_block_start', { index, content_block })
const delta = (index: number, delta: object) => event('content_block_delta', { index, delta })
const stop = (index: number) => event('content_block_stop', { index })
const text = (index = 0) =>
  block(index, { type: 'text', text: '' }) + delta(index, { type: 'text_delta', text: 'Hi' }) + stop(index)
const end = (stop_reason: unknown, rest: object = {}) =>
  event('message_delta', { delta: { stop_reason }, ...rest }) + event('message_stop')
const HI = { type: 'text_delta', text: 'Hi' }

const MESSAGES: Readonly<Record<string, Case>> = {
  'an answer without usage': { wire: start() + text() + end('end_turn') },
  'usage null': { wire: start({ usage: null }) + text() + end('end_turn', { usage: null }) },
  'usage with unknown members': {
    wire:
      start({ usage: { input_tokens: 5, server_tool_use: null, cache_creation: 'x' } }) +
      text() +
      end('end_turn', { usage: { output_tokens: '7' } })
  },
  'unknown events and blocks': {
    wire:
      start() +
      event('rate_limits', {}) +
      block(0, { type: 'hologram' }) +
      delta(0, { type: 'hologram_delta' }) +
      stop(0) +
      text(1) +
      end('end_turn')
  },
  'unknown deltas of a text': {
    wire: start() + block(0, { type: 'text' }) + delta(0, { type: 'citations_delta' }) + delta(0, HI) + end('end_turn')
  },
  'an unknown stop reason': { wire: start() + text() + end('model_was_tired') },
  'a null stop reason': { wire: start() + text() + end(null) },
  'no message_stop': { wire: start() + text() + event('message_delta', { delta: { stop_reason: 'end_turn' } }) },
  'no message_start': { wire: text() + end('end_turn') },
  'no beginning of the block': { wire: start() + delta(0, HI) + end('end_turn') },
  'text in the beginning of the block': {
    wire: start() + block(0, { type: 'text', text: 'H' }) + delta(0, { ...HI, text: 'i' }) + end('end_turn')
  },
  'an empty data line': { wire: `${start()}data:\n\n${text()}${end('end_turn')}` },
  'error: null': { wire: start() + event('ping', { error: null }) + text() + end('end_turn') },
  'an error after the end': { wire: start() + text() + end('end_turn') + event('error', { error: { type: 'api_error' } }) },
  'an answer that is not streamed': {
    wire: JSON.stringify({
      type: 'message',
      content: [{ type: 'text', text: 'Hi' }, { type: 'hologram' }],
      stop_reason: 'end_turn'
    }),
    contentType: 'application/json'
  },
  'thinking before the answer': {
    wire:
      start() +
      block(0, { type: 'thinking', thinking: '' }) +
      delta(0, { type: 'thinking_delta', thinking: 'hm' }) +
      delta(0, { type: 'signature_delta' }) +
      stop(0) +
      text(1) +
      end('end_turn')
  },
  'a call that no event ends': {
    wire:
      start() +
      block(0, { type: 'tool_use', id: 'a', name: 'clock_now', input: {} }) +
      delta(0, { type: 'input_json_delta', partial_json: '{"zone":"UTC"}' }) +
      end('tool_use'),
    text: '',
    reason: 'tool_calls',
    calls: calls({ callId: 'a', tool: 'clock.now', args: { zone: 'UTC' } })
  }
}

for (const [what, { wire, text = 'Hi', calls = [], reason = 'stop', contentType }] of Object.entries(MESSAGES)) {
  test(`anthropic takes ${what}`, async (t) => {
    const { model } = await modelBehind(t, 'anthropic', [{ verbatim: wire, ...(contentType && { contentType }) }])
    assert.deepEqual(await outcomeOf(model), { text, calls, reason })
  })
}

for (const [name, args] of [
  ['anthropic', ''],
  ['anthropic', '{"city":"Ro'],
  ['openai', '{"city":"Ro'],
  ['openai_compatible', ''],
  ['openai_compatible', '{"city":"Rom"}']
] as const) {
  test(`${name}: a call of an answer cut at its limit is invalid, with arguments ${args || 'left out'}`, async (t) => {
    const toolCalls = [{ id: 'a', name: 'weather_lookup', args }]
    const { model } = await modelBehind(t, name, [{ text: 'Let me see.', toolCalls, finish: 'length' }])
    const { calls, reason } = await outcomeOf(model)
    assert.equal(reason, 'length')
    const [call] = calls as [{ args: object; invalid: string }]
    assert.deepEqual(call.args, {})
    assert.match(call.invalid, /limit of tokens/)
  })
}

for (const [name, wire] of [
  ['openai', said('Hi') + ended('stop') + DONE],
  ['anthropic', start() + text() + end('end_turn')]
] as const) {
  test(`${name}: a connection cut after the complete answer loses nothing`, async (t) => {
    const { model, server } = await modelBehind(t, name, [])
    server.rule(() => ({ verbatim: wire, cut: true }))
    assert.equal((await outcomeOf(model)).text, 'Hi')
  })
}

test('an error that ends an answer says so in the words of the server', async (t) => {
  for (const body of [
    { error: { message: 'Context size has been exceeded.', type: 'server_error', code: 500 } },
    { object: 'error', message: "This model's maximum context length is 4096 tokens", code: 400 },
    { error: 'the input is too long' }
  ]) {
    const { model } = await modelBehind(t, 'openai_compatible', [{ verbatim: data(body) + DONE }])
    assert.equal((await outcomeOf(model)).error?.reason, 'too_long', JSON.stringify(body))
  }
})

test('events are read from any pieces of their text', () => {
  const line = fc.constantFrom('data: {"a":1}', 'data:x', 'data', ': comment', 'event: ping', 'id: 7', '')
  fc.assert(
    fc.property(fc.array(line), fc.constantFrom('\n', '\r\n', '\r'), fc.integer({ min: 1, max: 7 }), (lines, newline, size) => {
      const wire = lines.map((line) => line + newline).join('')
      const read = (pieces: readonly string[]) => {
        const events: string[] = []
        const reader = new EventReader((data, name) => events.push(`${name}|${data}`))
        for (const piece of pieces) reader.push(piece)
        reader.end()
        return events
      }
      const pieces = wire.match(new RegExp(`[\\s\\S]{1,${size}}`, 'g')) ?? []
      assert.deepEqual(read(pieces), read([wire]))
    })
  )
})

test('whatever JSON a server sends, reading it does not throw', () => {
  fc.assert(
    fc.property(fc.array(fc.json()), (events) => {
      for (const reader of [new ChatEvents(), new MessageEvents()]) {
        for (const event of events) reader.read(event, '')
        reader.close()
      }
    })
  )
})
