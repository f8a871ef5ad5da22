import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { ChatMessage } from '../../../plugins/providers/define.ts'
import { wireNames } from '../../../plugins/providers/names.ts'
import { toPrompt } from '../../../plugins/providers/prompt.ts'

const options = { names: wireNames([]), files: new Set<string>(), tools: true, oneText: true }

test('a dotted name becomes one of the wire and comes back', () => {
  const names = wireNames([{ name: 'shell.exec' }, { name: 'web.fetch' }])
  assert.equal(names.tool('shell.exec'), 'shell_exec')
  assert.equal(names.fromWire('shell_exec'), 'shell.exec')
  assert.equal(names.fromWire('nonsense'), 'nonsense')
  assert.equal(names.tool('gone.away'), 'gone_away')
})

test('tools whose names collide on the wire all stay reachable', () => {
  const names = wireNames([{ name: 'a.b' }, { name: 'a_b' }, { name: 'a-b' }, { name: 'a b' }])
  assert.deepEqual(['a.b', 'a_b', 'a-b', 'a b'].map(names.tool), ['a_b', 'a_b_2', 'a-b', 'a_b_3'])
})

test('any set of tools has names that providers take, and each leads back', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string({ minLength: 1, maxLength: 90 }), { maxLength: 30 }), (tools) => {
      const names = wireNames(tools.map((name) => ({ name })))
      const wire = tools.map(names.tool)
      for (const name of wire) assert.match(name, /^[A-Za-z0-9_-]{1,64}$/)
      assert.deepEqual(wire.map(names.fromWire), tools)
    })
  )
})

interface Part {
  readonly type: string
  readonly text?: string
  readonly toolCallId?: string
  readonly output?: { readonly value: string }
}

const partsIn = (prompt: ReturnType<typeof toPrompt>): Part[] => prompt.flatMap(({ content }) => content as unknown as Part[])

test('ids that a provider would refuse are replaced, in the call and in its result', () => {
  const call = (callId: string): ChatMessage[] => [
    { role: 'assistant', text: '', toolCalls: [{ callId, tool: 'a.b', args: {} }] },
    { role: 'tool', callId, tool: 'a.b', output: callId, failed: false }
  ]
  const prompt = toPrompt([...call('functions.a:0'), ...call('0'), ...call('0'), ...call('x'.repeat(80)), ...call('')], options)
  const ids = partsIn(prompt)
  for (let n = 0; n < ids.length; n += 2) assert.equal(ids[n]?.toolCallId, ids[n + 1]?.toolCallId)
  assert.equal(new Set(ids.map(({ toolCallId }) => toolCallId)).size, 5)
  for (const { toolCallId } of ids) assert.match(toolCallId!, /^[A-Za-z0-9_-]{1,40}$/)
  assert.deepEqual(
    ids.flatMap(({ output }) => output?.value ?? []),
    ['functions.a:0', '0', '0', 'x'.repeat(80), '']
  )
})

const user = fc.record({ role: fc.constant('user' as const), text: fc.constantFrom('', ' ', 'hi') }).map((message) => [message])
/** A text and calls of the assistant, and the results in any order. */
const assistant = fc
  .record({
    text: fc.constantFrom('', ' ', 'well'),
    calls: fc.uniqueArray(fc.record({ callId: fc.constantFrom('a', 'b', 'c.d'), failed: fc.boolean() }), {
      selector: ({ callId }) => callId
    })
  })
  .chain(({ text, calls }) =>
    fc
      .shuffledSubarray(calls, { minLength: calls.length })
      .map((results): ChatMessage[] => [
        { role: 'assistant', text, toolCalls: calls.map(({ callId }) => ({ callId, tool: 'x.y', args: {} })) },
        ...results.map(({ callId, failed }) => ({ role: 'tool' as const, callId, tool: 'x.y', output: callId, failed }))
      ])
  )

test('whatever is said and called, each call has its own id and its own result, and nothing is empty', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(user, assistant), { maxLength: 12 }), (turns) => {
      const messages: ChatMessage[] = turns.flat()
      const prompt = toPrompt(messages, options)
      const parts = partsIn(prompt)
      for (const { content } of prompt) assert.ok(content.length > 0)
      for (const { text } of parts) assert.notEqual(text?.trim(), '')
      const called = messages.flatMap((message) => (message.role === 'assistant' ? (message.toolCalls ?? []) : []))
      const ids = parts.flatMap(({ type, toolCallId }) => (type === 'tool-call' ? [toolCallId!] : []))
      assert.equal(ids.length, called.length)
      assert.equal(new Set(ids).size, ids.length)
      const results = parts.filter(({ type }) => type === 'tool-result')
      assert.deepEqual(results.map(({ toolCallId }) => toolCallId).sort(), ids.toSorted())
      for (const { toolCallId, output } of results) assert.equal(output?.value, called[ids.indexOf(toolCallId!)]?.callId)
      for (const [index, { role }] of prompt.entries()) assert.notEqual(role, prompt[index + 1]?.role)
    })
  )
})

test('a file of text reaches the model as text, whatever its type is called; another one as a note', () => {
  const written = (mimeType: string) => {
    const attachments = [{ mimeType, data: Buffer.from('the content').toString('base64'), filename: 'a file' }]
    return JSON.stringify(toPrompt([{ role: 'user', text: 'Look', attachments }], options))
  }
  const texts = ['text/csv', 'application/javascript', 'application/geo+json', 'image/svg+xml', 'application/yaml; charset=utf-8']
  for (const mimeType of texts) assert.match(written(mimeType), /11 bytes\):\\nthe content/, mimeType)
  assert.match(written('application/zip'), /cannot read files of this type/)
  assert.doesNotMatch(written('application/zip'), /the content/)
})

test('two turns of one role are joined, texts into one where there is no file', () => {
  const image = { mimeType: 'image/png', data: 'aGVsbG8=' }
  const prompt = toPrompt(
    [
      { role: 'user', text: 'one' },
      { role: 'user', text: 'two' },
      { role: 'assistant', text: 'a' },
      { role: 'assistant', text: 'b' },
      { role: 'user', text: 'three', attachments: [image] },
      { role: 'user', text: 'four' }
    ],
    { ...options, files: new Set(['image/png']) }
  )
  assert.deepEqual(prompt, [
    { role: 'user', content: [{ type: 'text', text: 'one\n\ntwo' }] },
    { role: 'assistant', content: [{ type: 'text', text: 'a\n\nb' }] },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'three' },
        { type: 'file', mediaType: 'image/png', data: { type: 'data', data: 'aGVsbG8=' } },
        { type: 'text', text: 'four' }
      ]
    }
  ])
})

test('without tools, calls and results are written out', () => {
  const prompt = toPrompt(
    [
      { role: 'user', text: 'Weather?' },
      { role: 'assistant', text: 'Let me see.', toolCalls: [{ callId: '1', tool: 'weather.lookup', args: { city: 'Rom' } }] },
      { role: 'tool', callId: '1', tool: 'weather.lookup', output: 'sunny', failed: false },
      { role: 'user', text: 'And?' }
    ],
    { ...options, tools: false }
  )
  assert.deepEqual(partsIn(prompt), [
    { type: 'text', text: 'Weather?' },
    { type: 'text', text: 'Let me see.\n[Called the tool weather.lookup with {"city":"Rom"}]' },
    { type: 'text', text: '[The tool weather.lookup answered:]\nsunny\n\nAnd?' }
  ])
})
