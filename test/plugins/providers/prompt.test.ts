import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { ChatMessage } from '../../../plugins/providers/define.ts'
import { wireNames } from '../../../plugins/providers/names.ts'
import { toPrompt } from '../../../plugins/providers/prompt.ts'

const options = { names: wireNames([]), files: new Set<string>() }

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

test('ids that a provider would refuse are replaced, in the call and in its result', () => {
  const call = (callId: string): ChatMessage[] => [
    { role: 'assistant', text: '', toolCalls: [{ callId, tool: 'a.b', args: {} }] },
    { role: 'tool', callId, tool: 'a.b', output: callId, failed: false }
  ]
  const prompt = toPrompt([...call('functions.a:0'), ...call('0'), ...call('0'), ...call('x'.repeat(80)), ...call('')], options)
  const ids = prompt.map(({ content }) => (content as unknown as [{ toolCallId: string; output?: { value: string } }])[0])
  for (let n = 0; n < ids.length; n += 2) assert.equal(ids[n]?.toolCallId, ids[n + 1]?.toolCallId)
  assert.equal(new Set(ids.map(({ toolCallId }) => toolCallId)).size, 5)
  for (const { toolCallId } of ids) assert.match(toolCallId, /^[A-Za-z0-9_-]{1,40}$/)
  assert.deepEqual(
    ids.flatMap(({ output }) => output?.value ?? []),
    ['functions.a:0', '0', '0', 'x'.repeat(80), '']
  )
})

const user = fc.record({ role: fc.constant('user' as const), text: fc.constantFrom('', ' ', 'hi') }).map((message) => [message])
/** What the assistant says and calls, and the results in any order. */
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
      const parts = prompt.flatMap(
        ({ content }) =>
          content as ReadonlyArray<{ type: string; text?: string; toolCallId?: string; output?: { value: string } }>
      )
      for (const { content } of prompt) assert.ok(content.length > 0)
      for (const { text } of parts) assert.notEqual(text?.trim(), '')
      const called = messages.flatMap((message) => (message.role === 'assistant' ? (message.toolCalls ?? []) : []))
      const ids = parts.flatMap(({ type, toolCallId }) => (type === 'tool-call' ? [toolCallId!] : []))
      assert.equal(ids.length, called.length)
      assert.equal(new Set(ids).size, ids.length)
      const results = parts.filter(({ type }) => type === 'tool-result')
      assert.deepEqual(results.map(({ toolCallId }) => toolCallId).sort(), ids.toSorted())
      for (const { toolCallId, output } of results) assert.equal(output?.value, called[ids.indexOf(toolCallId!)]?.callId)
      assert.equal(prompt.filter(({ role }) => role === 'user').length, messages.filter(({ role }) => role === 'user').length)
    })
  )
})

test('a file of text reaches the model as text, whatever its type is called; another one as a note', () => {
  const told = (mimeType: string) => {
    const attachments = [{ mimeType, data: Buffer.from('the content').toString('base64'), filename: 'a file' }]
    return JSON.stringify(toPrompt([{ role: 'user', text: 'Look', attachments }], options))
  }
  const texts = ['text/csv', 'application/javascript', 'application/geo+json', 'image/svg+xml', 'application/yaml; charset=utf-8']
  for (const mimeType of texts) assert.match(told(mimeType), /11 bytes\):\\nthe content/, mimeType)
  assert.match(told('application/zip'), /cannot read files of this type/)
  assert.doesNotMatch(told('application/zip'), /the content/)
})
