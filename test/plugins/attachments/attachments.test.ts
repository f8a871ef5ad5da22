import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import test from 'node:test'
import fc from 'fast-check'
import { open } from '../../../db/client.ts'
import { KEPT_MS, MAX_UPLOADS, Uploads } from '../../../plugins/attachments/uploads.ts'
import { rangeOf } from '../../../routes/range.ts'
import type { Caller } from '../../../rpc/define.ts'
import { build, connect, scratch } from '../../helper.ts'

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64'
)
const ANN: Caller = { id: 'token:ann', scopes: new Set(['read', 'write'] as const) }
const BOB: Caller = { id: 'token:bob', scopes: new Set(['read', 'write'] as const) }

test('a range is part of the file, the whole file, or behind its end', () => {
  const part = (start: number, end: number) => ({ range: { start, end }, partial: true })
  const whole = { range: { start: 0, end: 9 }, partial: false }
  for (const [header, expected] of [
    ['bytes=0-3', part(0, 3)],
    ['bytes=4-', part(4, 9)],
    ['bytes=-3', part(7, 9)],
    ['bytes=-30', part(0, 9)],
    ['bytes=8-80', part(8, 9)],
    ['bytes=10-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=5-4', whole],
    ['bytes=0-1,3-4', whole],
    ['bytes=-', whole],
    ['lines=1-2', whole],
    [undefined, whole]
  ] as const) {
    assert.deepEqual(rangeOf(header, 10), expected, header)
  }
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 1e6 }), (header, size) => {
      const read = rangeOf(`bytes=${header}`, size)
      if (read === 'unsatisfiable') return
      const { start, end } = read.range
      assert.ok(0 <= start && start <= end && end < size)
    })
  )
})

test('uploads are kept for an hour, for their caller alone, over a restart, and not without end', async (t) => {
  const folder = join(await scratch(t), 'uploads')
  const db = await open({ file: ':memory:' })
  t.after(() => db.close())
  let now = 1_000_000
  const make = async (): Promise<Uploads> => {
    const uploads = new Uploads({ folder, store: db.plugin('attachments'), now: () => now })
    await uploads.open()
    return uploads
  }
  const first = await make()
  const save = (uploads: Uploads, owner: Caller, content: Iterable<Buffer>) =>
    uploads.save(Readable.from(content), { owner: owner.id, mimeType: 'text/plain', filename: 'a.txt' })
  const { id } = await save(first, ANN, [Buffer.from('one '), Buffer.from('two')])
  await assert.rejects(save(first, ANN, []), /empty/)
  const big = Buffer.alloc(6 * 1024 * 1024)
  await assert.rejects(save(first, ANN, [big, big]), /larger than 10485760 bytes/)
  const broken = Readable.from(
    (async function* () {
      yield Buffer.from('half')
      throw new Error('the client is gone')
    })()
  )
  await assert.rejects(first.save(broken, { owner: ANN.id, mimeType: 'text/plain' }), /the client is gone/)
  assert.deepEqual(await readdir(folder), [id], 'what failed leaves nothing')

  const second = await make()
  assert.equal(second.get(id, BOB), undefined)
  await assert.rejects(second.filesOf([id], BOB), { code: -2 })
  assert.deepEqual(await second.filesOf([id], ANN), [
    { mimeType: 'text/plain', filename: 'a.txt', data: Buffer.from('one two').toString('base64') }
  ])
  for (let n = 1; n < MAX_UPLOADS; n++) await save(second, ANN, [Buffer.from('x')])
  await assert.rejects(save(second, ANN, [Buffer.from('x')]), { code: 3 })
  await save(second, BOB, [Buffer.from('x')])

  now += KEPT_MS
  assert.equal(second.get(id, ANN), undefined)
  await second.purge()
  assert.deepEqual([await readdir(folder), (await db.plugin('attachments').list()).values], [[], []])
})

test('an upload is sent by its id, and read again from the history, as it was', async (t) => {
  const tokens = [
    { name: 'ann', token: 'token-ann', scopes: ['read' as const, 'write' as const] },
    { name: 'bob', token: 'token-bob', scopes: ['read' as const, 'write' as const] },
    { name: 'node', token: 'token-node', scopes: ['node' as const] }
  ]
  const { url } = await build(t, { config: { server: { tokens } } })
  const upload = (body: Uint8Array<ArrayBuffer>, type: string, { token = 'token-ann', filename = 'ü".png' } = {}) =>
    fetch(`${url}/attachments?filename=${encodeURIComponent(filename)}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': type },
      body
    })
  const get = (id: string, { token = 'token-ann', ...headers }: Record<string, string> = {}) =>
    fetch(`${url}/attachments/${id}`, { headers: { authorization: `Bearer ${token}`, ...headers } })
  const png = new Uint8Array(PNG)

  const uploaded = await upload(png, 'image/png')
  assert.equal(uploaded.status, 201)
  const { id, ...rest } = (await uploaded.json()) as { id: string }
  assert.deepEqual(rest, { mimeType: 'image/png', filename: 'ü".png', bytes: PNG.length })
  assert.deepEqual(
    [(await get(id)).status, (await get(id, { token: 'token-bob' })).status, (await get(id, { token: 'token-node' })).status],
    [200, 404, 404]
  )
  assert.equal((await upload(png, 'image/png', { token: 'token-node' })).status, 403)
  assert.equal((await upload(png, 'nonsense')).status, 415)
  assert.equal((await upload(png, 'IMAGE/PNG')).status, 400)
  assert.equal((await upload(new Uint8Array(0), 'image/png')).status, 400)
  assert.equal((await upload(new Uint8Array(10 * 1024 * 1024 + 1), 'image/png')).status, 413)
  assert.equal((await fetch(`${url}/attachments/${id}`)).status, 401)

  const client = await connect(t, url, { token: 'token-ann' })
  const html = '<script>alert(1)</script>'
  const page = (await (await upload(new TextEncoder().encode(html), 'text/html')).json()) as { id: string }
  const sessionId = 'test:1'
  const send = (attachmentIds: string[]) => client.call('agent.send', { sessionId, message: 'look', attachmentIds })
  await assert.rejects(
    send([id, 'u-unknown']),
    ({ code, data }) => code === -2 && data.issues[0].path === 'params.attachmentIds[1]'
  )
  await send([id, page.id])
  const [question] = (await client.call('sessions.get', { sessionId })).history
  const [picture, text] = question.attachments
  assert.deepEqual([picture.filename, picture.bytes, text.mimeType], ['ü".png', PNG.length, 'text/html'])

  // Another caller may read the session, and so its files.
  const shown = await get(picture.id, { token: 'token-bob' })
  assert.deepEqual(Buffer.from(await shown.arrayBuffer()), PNG)
  assert.equal(shown.headers.get('content-type'), 'image/png')
  assert.equal(shown.headers.get('content-disposition'), "inline; filename*=UTF-8''%C3%BC%22.png")
  assert.equal(shown.headers.get('x-content-type-options'), 'nosniff')
  assert.match(shown.headers.get('content-security-policy')!, /^sandbox;/)
  assert.equal((await get(picture.id, { 'if-none-match': shown.headers.get('etag')! })).status, 304)
  const saved = await get(text.id)
  assert.deepEqual([saved.headers.get('content-type'), await saved.text()], ['application/octet-stream', html])
  assert.match(saved.headers.get('content-disposition')!, /^attachment;/)
  const part = await get(text.id, { range: 'bytes=1-6' })
  assert.deepEqual(
    [part.status, await part.text(), part.headers.get('content-range')],
    [206, 'script', `bytes 1-6/${html.length}`]
  )
  assert.equal((await get(text.id, { range: 'bytes=99-' })).status, 416)
  assert.equal((await get(picture.id, { token: 'token-node' })).status, 404)

  await client.call('sessions.delete', { sessionId })
  assert.equal((await get(picture.id)).status, 404)
})

test('a large file comes in parts, and files of tools are in the history with an id', async (t) => {
  const { app } = await build(t)
  const { db } = app
  await db.sessions.open('test:1', 1)
  const data = Buffer.alloc(2.5 * 1024 * 1024, 'abc')
  const message = { sessionId: 'test:1', runId: 'r', role: 'assistant', content: '', createdAt: 1 } as const
  const id = await db.messages.append(message)
  await db.messages.attach(id, [{ mimeType: 'text/plain', data: data.toString('base64') }])
  await db.messages.attach(id, [{ mimeType: 'image/png', data: PNG.toString('base64'), filename: 'b.png' }])
  const [entry] = await db.messages.page('test:1', { limit: 1, bytes: 1 })
  assert.deepEqual(
    entry!.attachments.map(({ id, bytes }) => [id, bytes]),
    [
      [`${id}-0`, data.length],
      [`${id}-1`, PNG.length]
    ]
  )
  const file = await app.attachments.find(`${id}-0`, ANN)
  const parts: Buffer[] = []
  for await (const part of file!.read({ start: 1, end: data.length - 2 })) parts.push(part)
  assert.ok(parts.length > 2)
  assert.ok(Buffer.concat(parts).equals(data.subarray(1, -1)))
})
