import assert from 'node:assert/strict'
import test from 'node:test'
import { checkAttachments } from '../../../plugins/agent/attachments.ts'

const PNG = Buffer.from('89504e470d0a1a0a0000000d4948445200000001000000010806000000' + '1f15c4890000000049454e44ae426082', 'hex')

const file = (mimeType: string, bytes: Buffer | string) => ({ mimeType, data: Buffer.from(bytes).toString('base64') })
const problems = async (...files: { mimeType: string; data: string }[]): Promise<string[]> =>
  (await checkAttachments(files)).map(({ path, message }) => `${path} ${message}`)

test('files that are what they say pass', async () => {
  assert.deepEqual(
    await problems(
      file('image/png', PNG),
      file('text/plain', 'grüezi'),
      file('application/json', '{}'),
      file('application/javascript', 'export {}'),
      file('application/geo+json; charset=utf-8', '{}'),
      file('application/toml', 'a = 1'),
      file('image/svg+xml', '<svg xmlns="http://www.w3.org/2000/svg"/>'),
      file('application/pdf', '%PDF-1.7\n%âãÏÓ\n')
    ),
    []
  )
})

test('a file that is not what it says is refused, with both named', async () => {
  assert.deepEqual(await problems(file('image/jpeg', PNG)), [
    'params.attachments[0].mimeType says image/jpeg, but the data is image/png'
  ])
  assert.deepEqual(await problems(file('text/plain', PNG)), [
    'params.attachments[0].mimeType says text/plain, but the data is not UTF-8 text'
  ])
  assert.deepEqual(await problems(file('image/png', 'no picture')), [
    'params.attachments[0].mimeType says image/png, but the data does not look like it'
  ])
  assert.deepEqual(await problems(file('image/png', '')), ['params.attachments[0].mimeType belongs to an empty file'])
})

test('base64 is taken strictly', async () => {
  for (const data of ['AAA', 'AA A', 'AAAA\n', 'A-_A', 'data:image/png;base64,AAAA', '====']) {
    const [problem] = await problems({ mimeType: 'text/plain', data })
    assert.match(problem ?? '', /^params\.attachments\[0\]\./, data)
  }
})

test('common other names of a type are understood', async () => {
  const wav = Buffer.concat([Buffer.from('RIFF'), Buffer.from([36, 0, 0, 0]), Buffer.from('WAVEfmt '), Buffer.alloc(24)])
  assert.deepEqual(await problems(file('audio/x-wav', wav)), [])
})

test('all files together have a limit', async () => {
  const megabytes = (count: number) => file('text/plain', 'x'.repeat(count * 1024 * 1024))
  assert.deepEqual(await problems(megabytes(5), megabytes(5)), [])
  assert.match((await problems(megabytes(5), megabytes(5), file('text/plain', 'x')))[0]!, /at most 10485760 bytes together/)
})
