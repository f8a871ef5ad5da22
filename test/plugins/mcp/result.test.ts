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

test('structured content is shown when there is no text', () => {
  assert.equal(outputOf({ content: [], structuredContent: { a: 1 } }).output, '{"a":1}')
  assert.equal(outputOf({ content: [{ type: 'text', text: 'said' }], structuredContent: { a: 1 } }).output, 'said')
})

test('a text is cut at 256 KiB, between two characters, with a note', () => {
  const { output } = outputOf({ content: [{ type: 'text', text: `x${'é'.repeat(200_000)}` }] })
  assert.ok(output.startsWith('xé'))
  assert.ok(output.endsWith('é\n[cut: the first 262143 of 400001 bytes are shown]'))
})

test('what failed is thrown in the words of the server, or in ours when it has none', () => {
  const failed = (content: { type: 'text'; text: string }[]) => () => outputOf({ content, isError: true })
  assert.throws(failed([{ type: 'text', text: 'out of paper' }]), { name: 'RpcError', message: 'out of paper' })
  assert.throws(failed([]), { message: 'the tool failed and did not say why' })
})
