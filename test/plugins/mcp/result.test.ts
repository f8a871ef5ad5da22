import assert from 'node:assert/strict'
import test from 'node:test'
import { outputOf } from '../../../plugins/mcp/result.ts'

const file = (bytes: number): string => Buffer.alloc(bytes).toString('base64')

test('texts are joined, and texts of embedded resources and links with them', () => {
  const { output } = outputOf({
    content: [
      { type: 'text', text: 'one' },
      { type: 'resource', resource: { uri: 'file:///a', text: 'two' } },
      { type: 'resource_link', name: 'three', uri: 'file:///b' }
    ]
  })
  assert.equal(output, 'one\ntwo\nthree: file:///b')
})

test('images, audio and embedded files become attachments', () => {
  const { output, attachments } = outputOf({
    content: [
      { type: 'image', mimeType: 'image/png', data: file(3) },
      { type: 'audio', mimeType: 'audio/wav', data: file(6) },
      { type: 'resource', resource: { uri: 'file:///a', blob: file(9) } }
    ]
  })
  assert.equal(output, '')
  assert.deepEqual(
    attachments.map(({ mimeType, data }) => [mimeType, data.length]),
    [
      ['image/png', 4],
      ['audio/wav', 8],
      ['application/octet-stream', 12]
    ]
  )
})

test('structured content is shown unless a text repeats it', () => {
  const both = (text: string) => outputOf({ content: [{ type: 'text', text }], structuredContent: { a: 1, b: [2] } }).output
  assert.equal(outputOf({ content: [], structuredContent: { a: 1 } }).output, '{"a":1}')
  assert.equal(outputOf({ structuredContent: [1] }).output, '[1]')
  assert.equal(both('2 results'), '2 results\n{"a":1,"b":[2]}')
  assert.equal(both('{ "b": [2], "a": 1 }'), '{ "b": [2], "a": 1 }')
})

test('content that cannot be shown is named, and the rest is kept', () => {
  const left = (type: string): string => `[content ${type} is left out: it cannot be shown]`
  const table: [content: unknown, output: string][] = [
    [{ type: 'video', data: 'AAAA' }, left("of the type 'video'")],
    [{ type: 'x'.repeat(100) }, left(`of the type '${'x'.repeat(40)}'`)],
    [{ type: 'text' }, left("of the type 'text'")],
    [{ type: 'text', text: null }, left("of the type 'text'")],
    [{ type: 'image', mimeType: 'image/png' }, left("of the type 'image'")],
    [{ type: 'resource', resource: null }, left("of the type 'resource'")],
    [{ type: 'resource', resource: { uri: 'a' } }, left("of the type 'resource'")],
    [{ type: 'resource_link', uri: 'file:///a', name: null }, 'resource: file:///a'],
    [null, left('without a type')],
    ['text', left('without a type')]
  ]
  for (const [content, expected] of table) {
    const { output } = outputOf({ content: [{ type: 'text', text: 'before' }, content, { type: 'text', text: 'after' }] })
    assert.equal(output, `before\n${expected}\nafter`, JSON.stringify(content))
  }
  for (const answer of [{}, { content: null }, { content: [], structuredContent: null, isError: null }, null]) {
    assert.deepEqual(outputOf(answer), { output: '', attachments: [] })
  }
  assert.throws(() => outputOf({ content: 'text' }), { message: 'its answer has no list of contents' })
})

test('a text is cut at 256 KiB, between two characters, with a note', () => {
  const { output } = outputOf({ content: [{ type: 'text', text: `x${'é'.repeat(200_000)}` }] })
  assert.ok(output.startsWith('xé'))
  assert.ok(output.endsWith('é\n[cut: the first 262143 of 400001 bytes are shown]'))
})

test('a failure is thrown in the words of the server', () => {
  const failed = (content: { type: 'text'; text: string }[]) => () => outputOf({ content, isError: true })
  assert.throws(failed([{ type: 'text', text: 'out of paper' }]), { name: 'RpcError', message: 'out of paper' })
  assert.throws(failed([]), { message: 'the tool failed without a reason' })
})
