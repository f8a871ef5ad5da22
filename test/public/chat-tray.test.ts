import assert from 'node:assert/strict'
import test from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { checkFile, inBytes, mimeOf, nameOf, USUAL_LIMITS } from '../../public/chat/file-check.ts'
import { fitted, writtenAs } from '../../public/chat/picture-size.ts'
import { type SentFiles, Tray, type TrayOptions } from '../../public/chat/tray.ts'
import { UploadFailed } from '../../public/chat/upload-request.ts'

const MIB = 1024 * 1024
const HOUR = 3_600_000

/** A tray whose uploads end when the test says so. */
function rig({ connected = true, ...options }: { connected?: boolean } & Partial<Pick<TrayOptions, 'shrink' | 'limits'>> = {}) {
  const uploads: {
    name: string
    signal: AbortSignal
    progress(part: number): void
    end(id: string): void
    fail(error: Error): void
  }[] = []
  const sent: SentFiles[] = []
  const state = { connected, now: 0, saved: undefined as string | undefined }
  const tray = new Tray({
    upload: ({ name, signal, onProgress }) => {
      const { promise, resolve, reject } = Promise.withResolvers<{ id: string }>()
      uploads.push({ name, signal, progress: onProgress, end: (id) => resolve({ id }), fail: reject })
      return promise
    },
    shrink: async (file) => file,
    connected: () => state.connected,
    onChange: () => {},
    save: (saved) => {
      state.saved = saved
    },
    now: () => state.now,
    ...options
  })
  return { tray, uploads, sent, state, send: () => tray.send((files) => sent.push(files)) }
}

const file = (name: string, bytes = 3, type = 'text/plain') => new File([new Uint8Array(bytes)], name, { type })
const broken = () => new UploadFailed('gone', true)

test('a message without files is sent at once', () => {
  const { send, sent } = rig()
  assert.equal(send(), true)
  assert.deepEqual(sent, [{}])
})

test('a message waits for its uploads, and takes their ids along', async () => {
  const { tray, uploads, sent, send, state } = rig()
  tray.add([file('a.txt'), file('b.txt'), file('c.txt')])
  assert.equal(uploads.length, 2, 'at most two at a time')
  uploads[0]!.progress(0.5)
  assert.equal(tray.files[0]!.progress, 0.5)
  assert.equal(send(), false)
  assert.equal(tray.held, true)
  uploads[1]!.end('u-b')
  await setImmediate()
  uploads[0]!.end('u-a')
  await setImmediate()
  assert.deepEqual(sent, [])
  uploads[2]!.end('u-c')
  await setImmediate()
  assert.deepEqual(sent, [{ attachmentIds: ['u-a', 'u-b', 'u-c'] }])
  assert.deepEqual([tray.held, tray.files, state.saved], [false, [], undefined])
  assert.equal(tray.sentFile('u-b')?.name, 'b.txt')
})

test('a failed upload holds the message until it is retried or removed', async () => {
  const { tray, uploads, sent, send } = rig()
  tray.add([file('a.txt'), file('b.txt')])
  send()
  uploads[0]!.fail(new UploadFailed('no room', false))
  uploads[1]!.fail(new UploadFailed('no room', false))
  await setImmediate()
  assert.deepEqual(
    tray.files.map(({ state, problem }) => [state, problem]),
    [
      ['failed', 'no room'],
      ['failed', 'no room']
    ]
  )
  tray.retry(tray.files[0]!.key)
  tray.remove(tray.files[1]!.key)
  assert.deepEqual(sent, [])
  uploads[2]!.end('u-a')
  await setImmediate()
  assert.deepEqual(sent, [{ attachmentIds: ['u-a'] }])
})

test('a message that does not wait any more keeps its files', async () => {
  const { tray, uploads, sent, send } = rig()
  tray.add([file('a.txt')])
  send()
  tray.release()
  uploads[0]!.end('u-a')
  await setImmediate()
  assert.deepEqual([sent.length, tray.files[0]!.state], [0, 'ready'])
})

test('an upload that is removed is stopped', () => {
  const { tray, uploads } = rig()
  tray.add([file('a.txt')])
  tray.remove(tray.files[0]!.key)
  assert.equal(uploads[0]!.signal.aborted, true)
})

test('an upload that broke off goes on with the next connection', async () => {
  const { tray, uploads, state } = rig()
  tray.add([file('a.txt'), file('b.txt')])
  uploads[0]!.fail(broken())
  await setImmediate()
  assert.equal(tray.files[0]!.state, 'failed', 'the connection seems to hold')
  state.connected = false
  uploads[1]!.fail(broken())
  await setImmediate()
  assert.equal(tray.files[1]!.state, 'waiting')
  tray.wake()
  assert.equal(uploads.length, 2)
  state.connected = true
  tray.wake()
  assert.deepEqual(
    uploads.slice(2).map(({ name }) => name),
    ['a.txt', 'b.txt']
  )
})

test('without a connection small files go into the message, large ones wait', async () => {
  const small = rig({ connected: false })
  small.tray.add([new File(['hi'], 'a.txt', { type: 'text/plain' })])
  small.send()
  assert.equal(small.send(), false, 'it is not sent twice while it is read')
  await setImmediate()
  assert.deepEqual(small.sent, [{ attachments: [{ mimeType: 'text/plain', filename: 'a.txt', data: 'aGk=' }] }])
  assert.deepEqual(small.tray.files, [])

  const large = rig({ connected: false })
  large.tray.add([file('a.bin', MIB), file('b.bin', 1)])
  assert.equal(large.send(), false)
  large.state.connected = true
  large.tray.wake()
  large.uploads[0]!.end('u-a')
  large.uploads[1]!.end('u-b')
  await setImmediate()
  assert.deepEqual(large.sent, [{ attachmentIds: ['u-a', 'u-b'] }])
})

test('without a connection a small upload goes into the message too: it may wait for more than an hour', async () => {
  const { tray, uploads, sent, send, state } = rig()
  tray.add([new File(['hi'], 'a.txt', { type: 'text/plain' })])
  uploads[0]!.end('u-a')
  await setImmediate()
  state.connected = false
  send()
  await setImmediate()
  assert.deepEqual(sent, [{ attachments: [{ mimeType: 'text/plain', filename: 'a.txt', data: 'aGk=' }] }])
})

test('an upload older than an hour is uploaded again before it is sent', async () => {
  const { tray, uploads, sent, send, state } = rig()
  tray.add([file('a.txt')])
  uploads[0]!.end('u-old')
  await setImmediate()
  state.now = HOUR
  assert.equal(send(), false)
  uploads[1]!.end('u-new')
  await setImmediate()
  assert.deepEqual(sent, [{ attachmentIds: ['u-new'] }])
})

test('ids survive a reload for an hour; what was not uploaded has to be chosen again', async () => {
  const first = rig()
  first.tray.add([file('a.txt'), file('b.txt')])
  first.uploads[0]!.end('u-a')
  await setImmediate()
  const content = { text: 'taken back', attachments: [], attachmentIds: [] }
  first.tray.offer(content)

  const second = rig()
  second.tray.open(first.state.saved)
  assert.deepEqual(second.tray.offered, [content])
  assert.deepEqual(
    second.tray.files.map(({ name, state, here }) => [name, state, here]),
    [
      ['a.txt', 'ready', false],
      ['b.txt', 'failed', false]
    ]
  )
  assert.equal(second.send(), false)
  second.tray.remove(second.tray.files[1]!.key)
  assert.deepEqual(second.sent, [{ attachmentIds: ['u-a'] }])

  const late = rig()
  late.state.now = HOUR
  late.tray.open(first.state.saved)
  assert.deepEqual(
    late.tray.files.map(({ state }) => state),
    ['failed', 'failed']
  )
})

test('files of a message that was taken back are in the tray again', async () => {
  const { tray, uploads, send, sent } = rig()
  tray.add([file('a.txt', 7)])
  uploads[0]!.end('u-a')
  await setImmediate()
  send()
  const attachments = [{ mimeType: 'text/plain', filename: 'b.txt', data: 'aGk=' }]
  tray.restore({ text: '', attachments, attachmentIds: ['u-a', 'u-unknown'] })
  assert.deepEqual(
    tray.files.map(({ name, bytes, state }) => [name, bytes, state]),
    [
      ['b.txt', 2, 'uploading'],
      ['a.txt', 7, 'ready'],
      ['file', 0, 'ready']
    ]
  )
  uploads[1]!.end('u-b')
  await setImmediate()
  send()
  assert.deepEqual(sent.at(-1), { attachmentIds: ['u-b', 'u-a', 'u-unknown'] })
})

test('files are checked before they are read', () => {
  const { tray, uploads } = rig({ limits: () => ({ maxAttachments: 2, maxAttachmentBytes: 10 }) })
  tray.add([file('empty', 0), file('large', 11), file('a', 6), file('b', 5), file('c', 4), file('d', 1)])
  assert.deepEqual(
    tray.files.map(({ name }) => name),
    ['a', 'c']
  )
  assert.equal(uploads.length, 2)
  assert.deepEqual(tray.refused, [
    { name: 'empty', reason: 'It is empty, or a folder.' },
    { name: 'large', reason: 'It has 11 B. The files of a message may have 10 B.' },
    { name: 'b', reason: 'It has 5 B. The files of a message may have 10 B together with the others.' },
    { name: 'd', reason: 'A message holds at most 2 files.' }
  ])
  assert.deepEqual(checkFile({ name: 'a.jpg', type: 'image/jpeg', size: 5 * MIB }, { count: 0, bytes: 0 }, USUAL_LIMITS), {
    shrink: true
  })
  assert.deepEqual(checkFile({ name: 'a.jpg', type: 'image/jpeg', size: 3 * MIB }, { count: 0, bytes: 0 }, USUAL_LIMITS), {
    shrink: false
  })
  assert.deepEqual(checkFile({ name: 'a.jpg', type: 'image/jpeg', size: 3 * MIB }, { count: 3, bytes: 8 * MIB }, USUAL_LIMITS), {
    shrink: true
  })
  assert.ok('refused' in checkFile({ name: 'a.jpg', type: 'image/jpeg', size: 65 * MIB }, { count: 0, bytes: 0 }, USUAL_LIMITS))
  assert.ok('refused' in checkFile({ name: 'a.gif', type: 'image/gif', size: 11 * MIB }, { count: 0, bytes: 0 }, USUAL_LIMITS))
})

test('large pictures are made smaller, one after the other', async () => {
  const shrink = async (picture: Blob) => {
    if (picture.size === 6 * MIB) throw new Error('unreadable')
    return new Blob([new Uint8Array(2 * MIB)], { type: 'image/jpeg' })
  }
  const { tray, uploads } = rig({ shrink })
  tray.add([file('a.heic', 9 * MIB, 'image/heic'), file('b.jpg', 6 * MIB, 'image/jpeg'), file('c.png', 6 * MIB, 'image/png')])
  assert.deepEqual(
    tray.files.map(({ state }) => state),
    ['shrinking', 'shrinking', 'shrinking']
  )
  for (let turn = 0; turn < 5; turn++) await setImmediate()
  // The one that could not be read goes as it is while it fits.
  assert.deepEqual(
    tray.files.map(({ name, type, bytes }) => [name, type, bytes]),
    [
      ['a.heic', 'image/jpeg', 2 * MIB],
      ['b.jpg', 'image/jpeg', 6 * MIB]
    ]
  )
  assert.deepEqual(
    tray.refused.map(({ name }) => name),
    ['c.png']
  )
  assert.match(tray.refused[0]!.reason, /cannot make the picture smaller/)
  assert.deepEqual(
    uploads.map(({ name }) => name),
    ['a.heic', 'b.jpg']
  )
})

test('a picture keeps its proportions, its type where every browser can write it', () => {
  assert.deepEqual(fitted({ width: 4000, height: 3000 }), { width: 2048, height: 1536 })
  assert.deepEqual(fitted({ width: 1, height: 100_000 }), { width: 1, height: 2048 })
  assert.deepEqual(fitted({ width: 640, height: 480 }), { width: 640, height: 480 })
  assert.deepEqual(['image/png', 'image/webp', 'image/heic'].map(writtenAs), ['image/png', 'image/webp', 'image/jpeg'])
})

test('names, types and sizes are those that the gateway takes', () => {
  assert.equal(mimeOf(''), 'application/octet-stream')
  assert.equal(mimeOf('text/plain;charset=utf-8'), 'text/plain;charset=utf-8')
  assert.equal(nameOf(''), 'file')
  assert.equal(nameOf('a'.repeat(300)).length, 255)
  assert.equal(nameOf(`${'a'.repeat(254)}😀`).isWellFormed(), true)
  assert.deepEqual([0, 999, 1024, 1536 * 1024].map(inBytes), ['0 B', '999 B', '1 KB', '1.5 MB'])
})
