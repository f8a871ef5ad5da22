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

const callId = fc.constantFrom('a', 'b', 'c')
const message: fc.Arbitrary<ChatMessage> = fc.oneof(
  fc.record({ role: fc.constant('user' as const), text: fc.constantFrom('', ' ', 'hi') }),
  fc.record({
    role: fc.constant('assistant' as const),
    text: fc.constantFrom('', 'well'),
    toolCalls: fc.uniqueArray(fc.record({ callId, tool: fc.constantFrom('x.y', 'z'), args: fc.constant({}) }), {
      selector: ({ callId }) => callId,
      maxLength: 3
    })
  }),
  fc.record({
    role: fc.constant('tool' as const),
    callId,
    tool: fc.constant('x.y'),
    output: fc.string(),
    failed: fc.boolean()
  })
)

test('whatever a conversation looks like, each call gets exactly one result, right after it, and nothing is empty', () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 12 }), (messages) => {
      const prompt = toPrompt(messages, options)
      const seen = new Set<string>()
      for (const [n, { role, content }] of prompt.entries()) {
        assert.ok(content.length > 0)
        const parts = content as ReadonlyArray<{ type: string; toolCallId?: string; text?: string }>
        for (const { text } of parts) assert.notEqual(text?.trim(), '')
        const ids = parts.flatMap(({ type, toolCallId }) => (type === 'tool-call' ? [toolCallId!] : []))
        for (const id of ids) {
          assert.ok(!seen.has(id))
          seen.add(id)
        }
        const next = prompt[n + 1]
        const results =
          next?.role === 'tool'
            ? (next.content as ReadonlyArray<{ toolCallId?: string }>).map(({ toolCallId }) => toolCallId)
            : []
        if (role === 'assistant') assert.deepEqual(results, ids)
        if (role === 'tool') assert.equal(prompt[n - 1]?.role, 'assistant')
      }
      assert.equal(prompt.filter(({ role }) => role === 'user').length, messages.filter(({ role }) => role === 'user').length)
    })
  )
})
