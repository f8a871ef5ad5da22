import assert from 'node:assert/strict'
import test from 'node:test'
import { readFiles } from '../../../plugins/channels/files.ts'

const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
const JPEG = Buffer.from('ffd8ffe000104a46494600010100000100010000ffd9', 'hex')
const base64 = (content: string | Buffer) => Buffer.from(content).toString('base64')
const read = async (mimeType: string, data: string, filename?: string) => {
  const { attachments, lost } = await readFiles([{ mimeType, data, ...(filename === undefined ? {} : { filename }) }])
  return lost[0] ?? [attachments[0]!.mimeType, Buffer.from(attachments[0]!.data, 'base64').toString()]
}

test('a file is what its bytes say', async () => {
  const csv = 'a;b\n1;2\n'
  const png = Buffer.from(PNG, 'base64').toString()
  for (const [declared, data, filename, expected] of [
    ['application/vnd.ms-excel', base64(csv), 'table.csv', ['text/csv', csv]],
    ['application/vnd.ms-excel', base64(csv), undefined, ['text/csv', csv]],
    ['text/csv', base64(csv), 'table.csv', ['text/csv', csv]],
    ['text/plain', base64(Buffer.from('caf\u00e9 \u00fcber', 'latin1')), 'notes.txt', ['text/plain', 'caf\u00e9 \u00fcber']],
    ['text/plain; charset=iso-8859-1', base64(Buffer.from('\u00e9', 'latin1')), undefined, ['text/plain', '\u00e9']],
    ['text/plain', base64(Buffer.from('\ufeffcaf\u00e9', 'utf16le')), undefined, ['text/plain', 'caf\u00e9']],
    ['text/plain', base64('\ufeffcaf\u00e9'), undefined, ['text/plain', 'caf\u00e9']],
    ['application/octet-stream', base64('# Title\n'), 'README.md', ['text/markdown', '# Title\n']],
    ['application/octet-stream', base64('plain'), undefined, ['text/plain', 'plain']],
    ['image/png', base64(JPEG), 'photo.png', ['image/jpeg', JPEG.toString()]],
    ['image/jpg', base64(JPEG), undefined, ['image/jpeg', JPEG.toString()]],
    ['application/octet-stream', PNG, undefined, ['image/png', png]],
    ['application/octet-stream', base64('%PDF-1.4\n%'), 'a.pdf', ['application/pdf', '%PDF-1.4\n%']],
    ['text/plain', PNG, 'notes.txt', ['image/png', png]],
    ['image/png', base64('no picture'), 'a.png', ['text/plain', 'no picture']],
    ['image/png', '', 'a.png', 'the file a.png (it is empty)'],
    ['application/octet-stream', base64(Buffer.from([0, 1, 2, 3, 250])), 'a.bin', 'the file a.bin (its format is not known)'],
    ['image/png', base64(Buffer.alloc(10 * 1024 * 1024 + 1)), undefined, 'a file (it is too large)']
  ] as const) {
    assert.deepEqual(await read(declared, data, filename), expected, `${declared} ${filename}`)
  }
})

test('a file that is lost costs no other one, and ten fit a message', async () => {
  const text = { mimeType: 'text/plain', data: base64('x') }
  const files = [{ filename: 'a', lost: 'it could not be fetched' }, ...Array.from({ length: 11 }, () => text)]
  const { attachments, lost } = await readFiles(files)
  assert.equal(attachments.length, 10)
  assert.deepEqual(lost, ['the file a (it could not be fetched)', 'a file (only 10 files fit a message)'])
})
