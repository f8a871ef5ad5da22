import assert from 'node:assert/strict'
import test from 'node:test'
import { decodable } from '../../../plugins/tools/attachments.ts'

const MIB = 1024 * 1024
const image = (data: string, mimeType = 'image/png') => ({ mimeType, data })
const bytes = (count: number) => image(Buffer.alloc(count).toString('base64'))

test('decodable files are kept, whatever parameters their type has', () => {
  const files = [
    bytes(1),
    bytes(2),
    bytes(3),
    image('AAAA', 'text/plain; charset=utf-8'),
    { ...image('AAAA'), filename: 'a.png' }
  ]
  assert.deepEqual(decodable('done', files), { output: 'done', attachments: files })
})

test('files that are too many or too large are left out, with a note; a smaller one after them has its place', () => {
  const many = decodable(
    '',
    Array.from({ length: 12 }, () => bytes(3))
  )
  assert.equal(many.attachments.length, 10)
  assert.equal(many.output, '[2 files are left out: too large, too many, or not readable]')
  const large = decodable('done', [bytes(6 * MIB), bytes(6 * MIB), bytes(4 * MIB)])
  assert.deepEqual(
    large.attachments.map(({ data }) => Buffer.from(data, 'base64').length),
    [6 * MIB, 4 * MIB]
  )
  assert.equal(large.output, 'done\n[1 file is left out: too large, too many, or not readable]')
})

test('malformed files are left out', () => {
  const wrong = [
    image('not base64!!'),
    image(''),
    image('===='),
    image('abc'),
    image('AA=A'),
    image('AAAA', 'nonsense\n'),
    image('AAAA', '')
  ]
  for (const file of [...wrong, { ...image('AAAA'), path: '/var/lib' }, { mimeType: 'image/png' } as never, null as never]) {
    assert.deepEqual(decodable('', [file]).attachments, [], JSON.stringify(file))
  }
})
