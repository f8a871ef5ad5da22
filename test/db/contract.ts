import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import fc from 'fast-check'
import type { Db, MessageRow, NewMessage, SessionRow } from '../../db/client.ts'
import { queueContract, queued } from './queue.ts'

/** Columns of a session that has no message. */
const NEW_SESSION = { title: null, titledBy: null, pinned: false, archived: false, inputTokens: 0, outputTokens: 0 } as const

/** Contract of every database. `open` makes a new, empty one that closes with the test. */
export function databaseContract(kind: string, open: (t: TestContext) => Promise<Db>): void {
  queueContract(kind, open)

  const said = (message: Partial<NewMessage> & Pick<NewMessage, 'sessionId'>): NewMessage => ({
    runId: 'run-1',
    role: 'user',
    content: 'Hello',
    createdAt: 1000,
    ...message
  })

  test(`${kind}: a session is created once, its id split at the first colon`, async (t) => {
    const db = await open(t)
    assert.deepEqual(await db.sessions.open('telegram:a:b', 5), { created: true })
    assert.deepEqual(await db.sessions.open('telegram:a:b', 6), { created: false })
    assert.deepEqual(await db.sessions.get('telegram:a:b'), {
      id: 'telegram:a:b',
      frontend: 'telegram',
      userId: 'a:b',
      createdAt: 5,
      lastMessageAt: null,
      messageCount: 0,
      config: {},
      historyFrom: null,
      ...NEW_SESSION
    })
    assert.equal(await db.sessions.get('telegram:c'), undefined)
  })

  test(`${kind}: files are added to a message, and read in parts`, async (t) => {
    const db = await open(t)
    await db.sessions.open('ws:a', 1)
    const file = (text: string) => ({ mimeType: 'text/plain', data: Buffer.from(text).toString('base64') })
    const messageId = await db.messages.append(said({ sessionId: 'ws:a', attachments: [file('first')] }))
    await db.messages.attach(messageId, [file('second'), { ...file('third'), filename: '3.txt' }])
    const part = (position: number, start: number, length: number) => db.messages.part({ messageId, position, start, length })
    assert.deepEqual(await part(1, 2, 3), Buffer.from('con'))
    assert.deepEqual(await part(1, 4, 30), Buffer.from('nd'))
    assert.deepEqual(await db.messages.file({ messageId, position: 2 }), { mimeType: 'text/plain', filename: '3.txt', bytes: 5 })
    assert.deepEqual([await part(3, 0, 1), await db.messages.file({ messageId, position: 3 })], [undefined, undefined])
  })

  test(`${kind}: a paused session is found as one, and a waiting message takes another text`, async (t) => {
    const db = await open(t)
    await db.sessions.configure('ws:a', { paused: true, queue: { cap: 3 } }, 1)
    await db.sessions.configure('ws:b', { modelTier: 'paused' }, 1)
    assert.deepEqual(await db.sessions.paused(), ['ws:a'])
    await db.sessions.unset('ws:a', 'paused')
    assert.deepEqual([await db.sessions.paused(), (await db.sessions.get('ws:a'))!.config], [[], { queue: { cap: 3 } }])
    await db.queue.accept(queued('m1', { sessionId: 'ws:a' }))
    assert.equal(await db.queue.edit('m1', { preview: 'new', body: { message: 'new' } }), true)
    assert.deepEqual((await db.queue.bodies(['m1'])).get('m1'), { message: 'new' })
    await db.queue.claim({ sessionId: 'ws:a', runId: 'r', ids: ['m1'], now: 2 })
    assert.equal(await db.queue.edit('m1', { preview: 'late', body: {} }), false)
    assert.equal((await db.queue.get('m1'))!.preview, 'new')
  })

  test(`${kind}: a message is stored completely and counts unless it is a tool's`, async (t) => {
    const db = await open(t)
    await db.sessions.open('ws:a', 1)
    const parts = { toolCalls: [{ callId: 'c1', tool: 'shell.exec', args: { command: "echo 'ä😀'" } }] }
    const attachments = [
      { mimeType: 'image/png', data: Buffer.from([0, 255, 128]).toString('base64'), filename: 'a.png' },
      { mimeType: 'text/plain', data: '' }
    ]
    const first = await db.messages.append(said({ sessionId: 'ws:a', attachments, createdAt: 10 }))
    const second = await db.messages.append(
      said({ sessionId: 'ws:a', role: 'assistant', parts, status: 'partial', createdAt: 20 })
    )
    const third = await db.messages.append(
      said({ sessionId: 'ws:a', role: 'tool', content: '', parts: { callId: 'c1', failed: false }, createdAt: 30 })
    )
    assert.ok(first < second && second < third)
    assert.deepEqual(await db.messages.history('ws:a'), [
      {
        id: first,
        sessionId: 'ws:a',
        runId: 'run-1',
        role: 'user',
        content: 'Hello',
        parts: null,
        status: 'complete',
        createdAt: 10,
        attachments
      },
      {
        id: second,
        sessionId: 'ws:a',
        runId: 'run-1',
        role: 'assistant',
        content: 'Hello',
        parts,
        status: 'partial',
        createdAt: 20,
        attachments: []
      },
      {
        id: third,
        sessionId: 'ws:a',
        runId: 'run-1',
        role: 'tool',
        content: '',
        parts: { callId: 'c1', failed: false },
        status: 'complete',
        createdAt: 30,
        attachments: []
      }
    ])
    const { lastMessageAt, messageCount } = (await db.sessions.get('ws:a'))!
    assert.deepEqual({ lastMessageAt, messageCount }, { lastMessageAt: 30, messageCount: 2 })
  })

  test(`${kind}: attachments keep their message and order; pages have sizes only`, async (t) => {
    const db = await open(t)
    const file = (name: string, size: number) => ({
      mimeType: 'text/plain',
      data: Buffer.alloc(size, name).toString('base64'),
      filename: name
    })
    for (const sessionId of ['ws:a', 'ws:b']) {
      await db.sessions.open(sessionId, 1)
      await db.messages.append(said({ sessionId, attachments: Array.from({ length: 10 }, (_, n) => file(`${n}`, n)) }))
      await db.messages.append(said({ sessionId, role: 'assistant' }))
      await db.messages.append(said({ sessionId, attachments: [file('x', 100_000)] }))
    }
    const all = await db.messages.history('ws:a')
    assert.deepEqual(
      all.map(({ attachments }) => attachments),
      [Array.from({ length: 10 }, (_, n) => file(`${n}`, n)), [], [file('x', 100_000)]]
    )
    assert.deepEqual(await db.messages.page('ws:a', { limit: 9, bytes: 1000 }), all.map(shown))
    assert.deepEqual(await db.messages.page('ws:a', { limit: 1, bytes: 1000 }), all.slice(2).map(shown))
  })

  test(`${kind}: an unfinished answer is replaced in place`, async (t) => {
    const db = await open(t)
    await db.sessions.open('ws:a', 1)
    const id = await db.messages.append(said({ sessionId: 'ws:a', role: 'assistant', content: 'Hi', status: 'partial' }))
    const other = await db.messages.append(said({ sessionId: 'ws:a', content: 'other' }))
    const toolCalls = [{ callId: 'c', tool: 'file.list', args: {} }]
    await db.messages.update({ id, content: 'Hi there', parts: { toolCalls }, status: 'partial' })
    await db.messages.update({ id, content: 'Hi there!', parts: null, status: 'complete' })
    const rows = await db.messages.history('ws:a')
    assert.deepEqual(
      rows.map(({ id, content, parts, status }) => ({ id, content, parts, status })),
      [
        { id, content: 'Hi there!', parts: null, status: 'complete' },
        { id: other, content: 'other', parts: null, status: 'complete' }
      ]
    )
    assert.equal((await db.sessions.get('ws:a'))!.messageCount, 2)
  })

  test(`${kind}: a message for an unknown session is refused without remains`, async (t) => {
    const db = await open(t)
    await assert.rejects(db.messages.append(said({ sessionId: 'ws:gone' })), /foreign key/i)
    const attachments = [{ mimeType: 'text/plain', data: 'eA==' }]
    await assert.rejects(db.messages.append(said({ sessionId: 'ws:gone', attachments })), /foreign key/i)
    assert.deepEqual(await db.messages.history('ws:gone'), [])
    assert.equal(await db.sessions.get('ws:gone'), undefined)
  })

  test(`${kind}: settings of a session are merged, and unset one by one`, async (t) => {
    const db = await open(t)
    await db.sessions.open('ws:b', 1)
    await db.sessions.configure('ws:a', { queue: { mode: 'collect', cap: 3 } }, 1)
    assert.deepEqual((await db.sessions.get('ws:a'))?.config, { queue: { mode: 'collect', cap: 3 } })
    await db.sessions.configure('ws:a', { queue: { debounceMs: 0, cap: 4 }, modelTier: `it's "fast"` }, 2)
    const { rows } = await db.sessions.list({ frontend: 'ws', limit: 9, offset: 0 })
    assert.deepEqual(
      rows.map(({ id, config }) => [id, config]),
      [
        ['ws:b', {}],
        ['ws:a', { queue: { mode: 'collect', cap: 4, debounceMs: 0 }, modelTier: `it's "fast"` }]
      ]
    )
    assert.equal((await db.sessions.get('ws:a'))?.createdAt, 1)
    await db.sessions.unset('ws:a', 'queue')
    await db.sessions.unset('ws:a', 'elevation')
    assert.deepEqual((await db.sessions.get('ws:a'))?.config, { modelTier: `it's "fast"` })
    await db.sessions.unset('ws:gone', 'queue')
    assert.equal(await db.sessions.get('ws:gone'), undefined)
  })

  test(`${kind}: a new conversation hides the old one from the history only`, async (t) => {
    const db = await open(t)
    const files = [{ mimeType: 'text/plain', data: 'eA==' }]
    const history = async () => (await db.messages.history('ws:a')).map(({ content }) => content)
    for (const id of ['ws:a', 'ws:b']) await db.sessions.open(id, 1)
    await db.sessions.renew('ws:a')
    assert.equal((await db.sessions.get('ws:a'))?.historyFrom, null)
    const old = await db.messages.append(said({ sessionId: 'ws:a', content: 'old', attachments: files }))
    await db.messages.append(said({ sessionId: 'ws:b', content: 'other' }))
    await db.sessions.renew('ws:a')
    assert.equal((await db.sessions.get('ws:a'))?.historyFrom, old)
    assert.deepEqual(await history(), [])
    await db.messages.append(said({ sessionId: 'ws:a', content: 'new', attachments: files }))
    assert.deepEqual(await history(), ['new'])
    assert.deepEqual((await db.messages.history('ws:a'))[0]?.attachments, files)
    assert.equal((await db.messages.history('ws:b')).length, 1)
    assert.deepEqual(
      (await db.messages.page('ws:a', { limit: 9, bytes: 1000 })).map(({ content }) => content),
      ['old', 'new']
    )
    await db.sessions.renew('ws:a')
    assert.deepEqual(await history(), [])
  })

  test(`${kind}: removing a session removes its data and no other`, async (t) => {
    const db = await open(t)
    for (const id of ['ws:a', 'ws:b']) {
      await db.sessions.open(id, 1)
      await db.messages.append(said({ sessionId: id, runId: `run-${id}` }))
      await db.queue.accept(queued(`run-${id}`, { sessionId: id }))
      await db.queue.claim({ sessionId: id, runId: `run-${id}`, ids: [`run-${id}`], now: 2 })
      await db.artifacts.put({ sessionId: id, artifactId: 'x', type: 'note', title: null, content: {}, metadata: null }, 3)
    }
    assert.equal(await db.sessions.remove('ws:a'), true)
    assert.equal(await db.sessions.remove('ws:a'), false)
    assert.equal(await db.sessions.get('ws:a'), undefined)
    assert.deepEqual(await db.messages.history('ws:a'), [])
    assert.equal(await db.runs.get('run-ws:a'), undefined)
    assert.equal(await db.artifacts.get('ws:a', 'x'), undefined)
    assert.equal((await db.messages.history('ws:b')).length, 1)
    assert.equal((await db.runs.get('run-ws:b'))?.status, 'running')
    assert.equal((await db.artifacts.get('ws:b', 'x'))?.revision, 1)
  })

  test(`${kind}: the id of a removed message is not used again`, async (t) => {
    const db = await open(t)
    await db.sessions.open('ws:a', 1)
    const id = await db.messages.append(said({ sessionId: 'ws:a' }))
    await db.sessions.remove('ws:a')
    await db.sessions.open('ws:a', 2)
    assert.ok((await db.messages.append(said({ sessionId: 'ws:a' }))) > id)
  })

  test(`${kind}: paging shows each matching session once, latest message first`, async (t) => {
    const session = fc.record({
      frontend: fc.constantFrom('ws', 'telegram'),
      userId: fc.nat(30),
      createdAt: fc.nat(5),
      lastMessageAt: fc.option(fc.nat(5))
    })
    const wish = fc.record({
      frontend: fc.constantFrom(undefined, 'ws', 'telegram', 'http'),
      ids: fc.option(fc.array(fc.tuple(fc.constantFrom('ws', 'telegram'), fc.nat(30))), { nil: undefined }),
      limit: fc.integer({ min: 1, max: 7 })
    })
    await fc.assert(
      fc.asyncProperty(fc.array(session, { maxLength: 30 }), wish, async (sessions, { frontend, ids, limit }) => {
        const db = await open(t)
        const model = new Map<string, SessionRow>()
        for (const { createdAt, lastMessageAt, ...row } of sessions) {
          const id = `${row.frontend}:${row.userId}`
          if (model.has(id)) continue
          await db.sessions.open(id, createdAt)
          if (lastMessageAt !== null) await db.messages.append(said({ sessionId: id, createdAt: lastMessageAt }))
          const messageCount = lastMessageAt === null ? 0 : 1
          const title = lastMessageAt === null ? null : 'Hello'
          const titled = { ...NEW_SESSION, title, titledBy: title && ('message' as const) }
          const rest = { lastMessageAt, messageCount, config: {}, historyFrom: null, ...titled }
          model.set(id, { ...row, userId: String(row.userId), id, createdAt, ...rest })
        }
        const wanted = ids?.map(([frontend, userId]) => `${frontend}:${userId}`)
        const expected = [...model.values()]
          .filter((row) => (frontend === undefined || row.frontend === frontend) && (!wanted || wanted.includes(row.id)))
          .sort(latestFirst)
        const pages: SessionRow[] = []
        for (let offset = 0; offset < expected.length + limit; offset += limit) {
          const { rows, total } = await db.sessions.list({ frontend, ids: wanted, limit, offset })
          assert.equal(total, expected.length)
          assert.ok(rows.length <= limit)
          pages.push(...rows.map(({ preview, unread, contextTokens, contextWindow, ...row }) => row))
        }
        assert.deepEqual(pages, expected)
        await db.close()
      }),
      { numRuns: 30 }
    )
  })

  test(`${kind}: a page beyond the end is empty; any number of ids works`, async (t) => {
    const db = await open(t)
    await db.sessions.open('ws:a', 1)
    assert.deepEqual(await db.sessions.list({ limit: 500, offset: Number.MAX_SAFE_INTEGER }), { rows: [], total: 1 })
    const ids = Array.from({ length: 70_000 }, (_, n) => `ws:${n}`)
    assert.equal((await db.sessions.list({ ids: [...ids, 'ws:a'], limit: 1, offset: 0 })).total, 1)
    assert.equal((await db.sessions.list({ ids: [], limit: 1, offset: 0 })).total, 0)
  })

  test(`${kind}: paging back shows each message once, tool results with their call`, async (t) => {
    const message = fc.record(
      {
        role: fc.constantFrom('user' as const, 'assistant' as const, 'tool' as const),
        content: fc.nat(10).map((length) => 'ä'.repeat(length)),
        parts: fc.constantFrom(null, { callId: 'ö' })
      },
      { noNullPrototype: true }
    )
    const query = fc.record({ limit: fc.integer({ min: 1, max: 7 }), bytes: fc.oneof(fc.nat(100), fc.constant(10_000)) })
    await fc.assert(
      fc.asyncProperty(fc.array(message, { maxLength: 30 }), query, async (tail, query) => {
        const db = await open(t)
        // A tool result always follows a call.
        const messages = [{ role: 'user' as const, content: 'Hello', parts: null }, ...tail]
        for (const id of ['ws:a', 'ws:other']) await db.sessions.open(id, 1)
        for (const message of messages) {
          await db.messages.append(said({ sessionId: 'ws:a', ...message }))
          await db.messages.append(said({ sessionId: 'ws:other', ...message }))
        }
        const all = await db.messages.history('ws:a')
        assert.deepEqual(
          all.map(({ role, content, parts }) => ({ role, content, parts })),
          messages
        )
        const left = [...all]
        for (let before: number | undefined; left.length > 0; ) {
          const expected = left.splice(startOfPage(left, query))
          const page = await db.messages.page('ws:a', { ...query, before })
          assert.deepEqual(page, expected.map(shown))
          before = page[0]!.id
        }
        assert.deepEqual(await db.messages.page('ws:a', { ...query, before: all[0]!.id }), [])
        await db.close()
      }),
      { numRuns: 50 }
    )
  })

  test(`${kind}: the recent messages are the end of the history, within their limits`, async (t) => {
    const db = await open(t)
    const step = fc.record({
      role: fc.constantFrom('user' as const, 'assistant' as const, 'tool' as const),
      size: fc.integer({ min: 0, max: 30 }),
      renew: fc.boolean()
    })
    let runs = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 12 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 0, max: 120 }),
        async (steps, limit, bytes) => {
          const sessionId = `ws:recent-${runs++}`
          await db.sessions.open(sessionId, 1)
          for (const [n, { role, size, renew }] of steps.entries()) {
            // A tool result always follows a call.
            const attachments = size % 7 === 0 ? [{ mimeType: 'text/plain', data: 'eA==' }] : []
            await db.messages.append(said({ sessionId, role: n === 0 ? 'user' : role, content: 'x'.repeat(size), attachments }))
            if (renew && size > 25) {
              await db.sessions.renew(sessionId)
              await db.messages.append(said({ sessionId, content: 'anew' }))
            }
          }
          const history = await db.messages.history(sessionId)
          const start = startOfPage(history, { limit, bytes })
          assert.deepEqual(await db.messages.recent(sessionId, { limit, bytes }), {
            messages: history.slice(start),
            omitted: history.slice(0, start).filter(({ role }) => role !== 'tool').length
          })
        }
      ),
      { numRuns: 60 }
    )
  })

  test(`${kind}: memory keeps one text a key and finds all words literally`, async (t) => {
    const db = await open(t)
    const put = (namespace: string, key: string, value: string, updatedAt: number) =>
      db.memory.put({ namespace, key, value, updatedAt })
    await put('n', 'sale', '50% off_', 1)
    await put('n', 'path', 'C:\\Temp', 2)
    await put('n', 'plain', 'Nothing special', 3)
    await put('other', 'sale', '50% off_', 4)
    const found = async (text: string, limit = 10) => (await db.memory.search('n', text, limit)).map(({ key }) => key)
    assert.deepEqual(await found('OFF  sale'), ['sale'])
    assert.deepEqual(await found('sale special'), [])
    assert.deepEqual(await found('0%'), ['sale'])
    assert.deepEqual(await found('f_'), ['sale'])
    assert.deepEqual(await found('_s'), [])
    assert.deepEqual(await found('%'), ['sale'])
    assert.deepEqual(await found(':\\t'), ['path'])
    assert.deepEqual(await found('PAT'), ['path'])
    assert.deepEqual(await found(''), ['plain', 'path', 'sale'])
    assert.deepEqual(await found('', 2), ['plain', 'path'])

    await put('n', 'sale', 'over', 5)
    assert.deepEqual(await db.memory.get('n', 'sale'), { namespace: 'n', key: 'sale', value: 'over', updatedAt: 5 })
    assert.deepEqual(await found(''), ['sale', 'plain', 'path'])
    assert.equal(await db.memory.get('n', 'unknown'), undefined)
    assert.equal((await db.memory.get('other', 'sale'))?.value, '50% off_')
  })

  test(`${kind}: is ready while open, and not once closed`, async (t) => {
    const db = await open(t)
    await db.ready()
    await db.close()
    await db.close()
    await assert.rejects(db.ready())
    await assert.rejects(db.sessions.open('ws:a', 1))
  })
}

/** Of a message, what a page shows. */
function shown({ attachments, ...row }: MessageRow) {
  return {
    ...row,
    attachments: attachments.map(({ data, ...rest }, position) => ({
      ...rest,
      id: `${row.id}-${position}`,
      bytes: Buffer.from(data, 'base64').length
    }))
  }
}

/** Beginning of the newest page: as many messages as the two limits allow, each with the tool results after it. */
function startOfPage(rows: readonly MessageRow[], { limit, bytes }: { limit: number; bytes: number }): number {
  let [start, spoken, size] = [rows.length, 0, 0]
  for (const [index, { role, content, parts }] of [...rows.entries()].reverse()) {
    size += Buffer.byteLength(content) + (parts ? Buffer.byteLength(JSON.stringify(parts)) : 0)
    if (role === 'tool') continue
    if (spoken > 0 && (spoken === limit || size > bytes)) break
    spoken += 1
    start = index
  }
  return start
}

function latestFirst(a: SessionRow, b: SessionRow): number {
  const last = (b.lastMessageAt ?? -1) - (a.lastMessageAt ?? -1)
  if (last !== 0) return last
  if (a.createdAt !== b.createdAt) return b.createdAt - a.createdAt
  return a.id < b.id ? 1 : -1
}
