import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { type Db, type NewMessage, open } from '../../../db/client.ts'
import { Hooks } from '../../../plugins/hooks/hooks.ts'
import { Sessions } from '../../../plugins/sessions/index.ts'
import * as methods from '../../../plugins/sessions/methods.ts'
import type { Context, Peer, Scope } from '../../../rpc/define.ts'
import { Registry } from '../../../rpc/registry.ts'
import { SessionId } from '../../../rpc/schemas/session.ts'
import { compile } from '../../../rpc/validate.ts'
import { workLanes } from '../lanes/fixtures.ts'

const POLICY = { mode: 'followup', overflow: 'drop_old', cap: 20, debounceMs: 250, summarizeOverflow: true }
/** Further fields of a row, of a session that only holds its messages. */
const ROW = {
  running: false,
  depth: 0,
  unread: 0,
  pinned: false,
  archived: false,
  usage: { inputTokens: 0, outputTokens: 0 },
  context: null
}
/** Further fields of a session whose whole history is shown. */
const WHOLE = { pinned: false, archived: false, runs: [], older: false, newer: false }
const NEW = { modelTier: 'default', queue: POLICY, elevation: { active: false, untilMs: 0 } }

/** The sessions over a real database and real lanes, called as over the wire. */
async function rig(t: TestContext, now = () => 1739448000000) {
  const db = await open({ file: ':memory:' })
  t.after(() => db.close())
  const lanes = workLanes({ db })
  t.after(() => lanes.close(0))
  const attached = new Set<string>()
  const connections = { sessions: () => attached }
  const forgotten: string[] = []
  const bus = { forget: (id: string) => void forgotten.push(id) }
  const recorded: unknown[][] = []
  const audit = { record: (...entry: unknown[]) => void recorded.push(entry) }
  const sessions = new Sessions({ db, lanes, connections, bus, audit, hooks: new Hooks({ error() {} }), now })
  const rpc = new Registry()
  for (const method of Object.values(methods)) rpc.method(method)

  /** The answer as a client reads it: through the checks of the params and the schema of the result. */
  async function call(name: string, params: unknown = {}, { connection, scopes = ['read', 'write'] as Scope[] }: Caller = {}) {
    const context = { tierOf: () => ({ name: 'default' }) }
    const ctx = {
      app: { db, sessions, lanes, context },
      connection,
      caller: { id: 'token:dash', scopes: new Set(scopes) }
    }
    return JSON.parse(rpc.encode(name, await rpc.call(name, params, ctx as unknown as Context)))
  }
  return { db, lanes, attached, sessions, recorded, forgotten, call }
}

interface Caller {
  readonly connection?: Peer
  readonly scopes?: Scope[]
}

function peer(sessionId = 'ws:own'): Peer {
  return { id: 'own', sessionId, events: new Set(), close: () => {}, onClose: () => {} }
}

async function say(db: Db, sessionId: string, message: Partial<NewMessage> = {}): Promise<number> {
  await db.sessions.open(sessionId, Date.parse('2025-02-13T10:00:00Z'))
  const createdAt = Date.parse('2025-02-13T12:00:00Z')
  return await db.messages.append({ sessionId, runId: 'run-1', role: 'user', content: 'Hello', createdAt, ...message })
}

test('sessions.list answers in the shape of the protocol, with times in milliseconds', async (t) => {
  const { db, call } = await rig(t)
  await say(db, 'telegram:123456', { createdAt: 1739448000000 })
  await db.sessions.configure('telegram:123456', { elevation: { untilMs: Number.MAX_SAFE_INTEGER } }, 1)
  await db.sessions.open('ws:new', 1)
  assert.deepEqual(await call('sessions.list'), {
    sessions: [
      {
        id: 'telegram:123456',
        frontend: 'telegram',
        userId: '123456',
        messageCount: 1,
        lastMessageAt: 1739448000000,
        config: { modelTier: 'default', queue: POLICY, elevation: { active: true, untilMs: Number.MAX_SAFE_INTEGER } },
        title: 'Hello',
        preview: 'Hello',
        createdAt: 1739440800000,
        ...ROW
      },
      {
        ...{ id: 'ws:new', frontend: 'ws', userId: 'new', messageCount: 0, lastMessageAt: null, config: NEW },
        ...{ title: null, preview: null, createdAt: 1, ...ROW }
      }
    ],
    total: 2
  })
})

test('sessions.list pages through 50 at a time unless told otherwise, and counts before paging', async (t) => {
  const { db, call } = await rig(t)
  for (let n = 0; n < 60; n++) await say(db, `${n < 55 ? 'ws' : 'telegram'}:${n}`, { createdAt: n })
  const ids = ({ sessions }: { sessions: { id: string }[] }) => sessions.map(({ id }) => id)
  const first = await call('sessions.list')
  assert.equal(first.sessions.length, 50)
  assert.equal(first.total, 60)
  assert.equal(ids(first)[0], 'telegram:59')
  assert.deepEqual(
    ids(await call('sessions.list', { offset: 50 })),
    Array.from({ length: 10 }, (_, n) => `ws:${9 - n}`)
  )
  const filtered = await call('sessions.list', { frontend: 'telegram', limit: 2, offset: 1 })
  assert.deepEqual({ ids: ids(filtered), total: filtered.total }, { ids: ['telegram:58', 'telegram:57'], total: 5 })
  assert.equal((await call('sessions.list', { limit: 500 })).sessions.length, 60)
})

test('sessions.list without the persisted ones shows sessions with a live connection or with work in their lane', async (t) => {
  const { db, lanes, attached, call } = await rig(t)
  for (const id of ['ws:connected', 'telegram:busy', 'ws:asleep']) await say(db, id)
  attached.add('ws:connected').add('ws:never-used')
  const { promise, resolve } = Promise.withResolvers<void>()
  const settled = lanes.run('telegram:busy', { owner: 'local', run: () => promise })
  const live = async (params = {}) => {
    const { sessions, total } = await call('sessions.list', { includePersisted: false, ...params })
    return { ids: sessions.map(({ id }: { id: string }) => id), total }
  }
  assert.deepEqual(await live(), { ids: ['ws:connected', 'telegram:busy'], total: 2 })
  assert.deepEqual(await live({ frontend: 'telegram' }), { ids: ['telegram:busy'], total: 1 })
  assert.deepEqual(await live({ limit: 1, offset: 1 }), { ids: ['telegram:busy'], total: 2 })
  resolve()
  await settled
  assert.deepEqual(await live(), { ids: ['ws:connected'], total: 1 })
})

test('params that are wrong are refused with the field and the reason', async (t) => {
  const { call } = await rig(t)
  const refusals: [string, object, RegExp][] = [
    ['sessions.list', { limit: 0 }, /^params\.limit must be an integer between 1 and 500, got 0$/],
    ['sessions.list', { limit: 501 }, /^params\.limit /],
    ['sessions.list', { offset: -1 }, /^params\.offset /],
    ['sessions.list', { offset: 1e300 }, /^params\.offset /],
    ['sessions.list', { frontent: 'ws' }, /^params\.frontent is not known/],
    ['sessions.get', { sessionId: 'ws:a', limit: 501 }, /^params\.limit /],
    ['sessions.get', { sessionId: 'ws:a', before: 0 }, /^params\.before /],
    ['sessions.get', {}, /^params\.sessionId is required over HTTP/],
    [
      'sessions.get',
      { sessionId: 'ws:a', session: 'ws:b' },
      /^params\.session is an alias of params\.sessionId; the two differ$/
    ],
    ['sessions.create', { sessionId: 'nowhere' }, /^params\.sessionId must be '<frontend>:<key>', at most 256 characters/],
    ['sessions.delete', {}, /^params\.sessionId is required and must be '<frontend>:<key>'/]
  ]
  for (const [name, params, message] of refusals) await assert.rejects(call(name, params), { code: -2, message })
})

test('a session id is a frontend, a colon and a key, without control characters', async (t) => {
  const { sessions } = await rig(t)
  const check = compile(SessionId)
  const good = ['ws:a', 'telegram:123456', 'webhook:deploys', 'google-chat:spaces/AAA:b', 'ws: ä 😀', `ws:${'x'.repeat(253)}`]
  const bad = [
    '',
    ':',
    'ws',
    'ws:',
    ':a',
    'ws:a\n',
    'w\u0000s:a',
    'ws:\u007f',
    'ws:\u0085',
    'ws:a\u2028',
    'ws:\ud800',
    `ws:${'x'.repeat(254)}`
  ]
  for (const id of good) assert.ok('value' in check(id), id)
  for (const id of bad) {
    assert.ok('issues' in check(id), JSON.stringify(id))
    await assert.rejects(sessions.open(id), { code: -2, message: /^sessionId must be '<frontend>:<key>'/ })
  }
})

test('sessions.get answers in the shape of the protocol, with times in ISO 8601', async (t) => {
  const { db, call } = await rig(t)
  const question = await say(db, 'telegram:123456')
  const answer = await say(db, 'telegram:123456', { role: 'assistant', content: 'Hi there!', status: 'interrupted' })
  const row = { runId: 'run-1', createdAt: '2025-02-13T12:00:00.000Z' }
  const expected = {
    id: 'telegram:123456',
    createdAt: '2025-02-13T10:00:00.000Z',
    lastActiveAt: '2025-02-13T12:00:00.000Z',
    history: [
      { role: 'user', content: 'Hello', id: question, status: 'complete', ...row },
      { role: 'assistant', content: 'Hi there!', id: answer, status: 'interrupted', ...row }
    ],
    title: 'Hello',
    ...WHOLE
  }
  assert.deepEqual(await call('sessions.get', { sessionId: 'telegram:123456' }), expected)
  assert.deepEqual(await call('sessions.get', { session: 'telegram:123456' }), expected)
  assert.deepEqual(await call('sessions.get', {}, { connection: peer('telegram:123456') }), expected)
})

test('sessions.get of a session without messages was last active when it was made', async (t) => {
  const { call } = await rig(t)
  await call('sessions.create', { sessionId: 'ws:a' })
  const time = '2025-02-13T12:00:00.000Z'
  assert.deepEqual(await call('sessions.get', { sessionId: 'ws:a' }), {
    id: 'ws:a',
    createdAt: time,
    lastActiveAt: time,
    history: [],
    title: null,
    ...WHOLE
  })
})

test('sessions.get shows the newest 200 messages, and the ones before them on request', async (t) => {
  const { db, call } = await rig(t)
  for (let n = 0; n < 210; n++) await say(db, 'ws:a', { content: String(n), role: n % 2 ? 'assistant' : 'user' })
  const contents = ({ history }: { history: { content: string }[] }) => history.map(({ content }) => Number(content))
  const newest = await call('sessions.get', { sessionId: 'ws:a' })
  assert.deepEqual(
    contents(newest),
    Array.from({ length: 200 }, (_, n) => n + 10)
  )
  const before = newest.history[0].id
  assert.deepEqual(contents(await call('sessions.get', { sessionId: 'ws:a', before })), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  assert.deepEqual(contents(await call('sessions.get', { sessionId: 'ws:a', before, limit: 2 })), [8, 9])
  assert.equal((await call('sessions.get', { sessionId: 'ws:a', limit: 500 })).history.length, 210)
})

test('sessions.get shows what a tool answered at the call it answered', async (t) => {
  const { db, call } = await rig(t)
  const step = async (toolCalls: { callId: string; tool: string; args: Record<string, unknown> }[]) =>
    await say(db, 'ws:a', { role: 'assistant', content: '', parts: { toolCalls } })
  const heard = async (callId: string, content: string, failed = false) =>
    await say(db, 'ws:a', { role: 'tool', content, parts: { callId, tool: 'shell.exec', failed } })
  await say(db, 'ws:a')
  const [one, two] = [
    { callId: 'c1', tool: 'shell.exec', args: { command: 'echo 1', env: { A: [1, null] } } },
    { callId: 'c2', tool: 'file.read', args: {} }
  ]
  await step([one, two])
  await heard('c2', 'no such file', true)
  await heard('c1', '1\n')
  // The same id once more, in a later step; then a call that a crash left without an answer.
  await step([one])
  await heard('c1', 'x'.repeat(20_000))
  await step([two])
  const { history } = await call('sessions.get', { sessionId: 'ws:a' })
  assert.deepEqual(
    history.map(({ role, toolCalls }: { role: string; toolCalls?: unknown }) => ({ role, toolCalls })),
    [
      { role: 'user', toolCalls: undefined },
      {
        role: 'assistant',
        toolCalls: [
          { ...one, result: { success: true, output: '1\n', error: null } },
          { ...two, result: { success: false, output: '', error: 'no such file' } }
        ]
      },
      {
        role: 'assistant',
        toolCalls: [{ ...one, result: { success: true, output: 'x'.repeat(16_384), error: null, truncated: true } }]
      },
      { role: 'assistant', toolCalls: [two] }
    ]
  )
})

test('sessions.get tells of attachments, not their data', async (t) => {
  const { db, call } = await rig(t)
  const data = Buffer.from('12345').toString('base64')
  const attachments = [
    { mimeType: 'image/png', data, filename: 'a.png' },
    { mimeType: 'text/plain', data: '' }
  ]
  await say(db, 'ws:a', { attachments })
  const { history } = await call('sessions.get', { sessionId: 'ws:a' })
  assert.deepEqual(history[0].attachments, [
    { id: '1-0', mimeType: 'image/png', filename: 'a.png', bytes: 5 },
    { id: '1-1', mimeType: 'text/plain', bytes: 0 }
  ])
})

test('sessions.get answers with at most 4 MiB of text, what tools said counted in full, yet never without a message', async (t) => {
  const { db, call } = await rig(t)
  const MiB = 1024 * 1024
  const ids = [
    await say(db, 'ws:a', { content: 'x'.repeat(5 * MiB) }),
    await say(db, 'ws:a', { role: 'assistant', content: 'x'.repeat(MiB) }),
    await say(db, 'ws:a', { role: 'assistant', content: 'x'.repeat(2 * MiB) })
  ]
  await say(db, 'ws:a', { role: 'tool', content: 'ä'.repeat(MiB / 2) })
  ids.push(await say(db, 'ws:a', { content: 'x'.repeat(MiB) }))
  const page = async (before?: number) => {
    const { history } = await call('sessions.get', { sessionId: 'ws:a', before })
    return history.map(({ id }: { id: number }) => id)
  }
  assert.deepEqual(await page(), [ids[2], ids[3]])
  assert.deepEqual(await page(ids[2]), [ids[1]])
  assert.deepEqual(await page(ids[1]), [ids[0]])
  assert.deepEqual(await page(ids[0]), [])
})

test('sessions.create makes a session once and attaches the connection to it', async (t) => {
  const { db, call } = await rig(t)
  const connection = peer()
  assert.deepEqual(await call('sessions.create', { sessionId: 'telegram:1' }, { connection }), {
    sessionId: 'telegram:1',
    created: true
  })
  assert.equal(connection.sessionId, 'telegram:1')
  assert.deepEqual(await call('sessions.create', {}, { connection }), { sessionId: 'telegram:1', created: false })
  assert.equal((await db.sessions.get('telegram:1'))?.createdAt, 1739448000000)
})

test('sessions.create without an id takes the session of the connection, and over HTTP makes a new one', async (t) => {
  const { call } = await rig(t)
  assert.deepEqual(await call('sessions.create', {}, { connection: peer() }), { sessionId: 'ws:own', created: true })
  const [first, second] = [await call('sessions.create'), await call('sessions.create')]
  assert.match(first.sessionId, /^http:[0-9a-f-]{36}$/)
  assert.equal(first.created, true)
  assert.notEqual(first.sessionId, second.sessionId)
})

test('a session that is not there is error 1, and asking for it does not make it', async (t) => {
  const { db, recorded, call } = await rig(t)
  for (const name of ['sessions.get', 'sessions.delete']) {
    await assert.rejects(call(name, { sessionId: 'ws:gone' }), { code: 1, message: 'There is no session "ws:gone"' })
  }
  await assert.rejects(call('sessions.get', {}, { connection: peer() }), { code: 1 })
  assert.equal((await db.sessions.list({ limit: 1, offset: 0 })).total, 0)
  assert.deepEqual(recorded, [])
})

test('sessions.delete stops what runs and waits in the lane, and removes what a run still wrote while it was stopping', async (t) => {
  const { db, lanes, recorded, forgotten, call } = await rig(t)
  await say(db, 'ws:a')
  await say(db, 'ws:b')
  const started = Promise.withResolvers<void>()
  const running = lanes.run('ws:a', {
    owner: 'local',
    async run({ signal }) {
      started.resolve()
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      await new Promise(setImmediate)
      await say(db, 'ws:a', { role: 'assistant', content: 'half an', status: 'partial' })
      throw signal.reason
    }
  })
  const waiting = lanes.run('ws:a', { owner: 'somebody else', run: () => assert.fail('ran') })
  const outcomes = Promise.allSettled([running, waiting])
  await started.promise
  const connection = peer('ws:a')
  assert.deepEqual(await call('sessions.delete', { sessionId: 'ws:a' }, { connection }), { success: true })

  assert.equal(lanes.has('ws:a'), false)
  assert.deepEqual(forgotten, ['ws:a'])
  assert.deepEqual(
    (await outcomes).map(({ status }) => status),
    ['rejected', 'rejected']
  )
  assert.equal(await db.sessions.get('ws:a'), undefined)
  assert.deepEqual(await db.messages.history('ws:a'), [])
  assert.equal((await db.messages.history('ws:b')).length, 1)
  assert.equal(connection.sessionId, 'ws:a')
  assert.deepEqual(recorded, [['sessions.delete', 'token:dash', { sessionId: 'ws:a' }]])
  await assert.rejects(call('sessions.delete', { sessionId: 'ws:a' }), { code: 1 })
})

test('reading sessions needs the scope read, changing them write', async (t) => {
  const { db, call } = await rig(t)
  await say(db, 'ws:a')
  for (const [name, scope, other] of [
    ['sessions.list', 'read', 'write'],
    ['sessions.get', 'read', 'write'],
    ['sessions.create', 'write', 'read'],
    ['sessions.delete', 'write', 'read']
  ] as const) {
    const params = () => (name === 'sessions.list' ? {} : { sessionId: 'ws:a' })
    await assert.rejects(call(name, params(), { scopes: [other] }), { code: -5 })
    await call(name, params(), { scopes: [scope] })
  }
})

test('the examples of the methods follow their own schemas', () => {
  const rpc = new Registry()
  for (const method of Object.values(methods)) {
    const { name, params, result, examples = [] } = method
    rpc.method(method)
    assert.equal(examples.length, 1, name)
    for (const example of examples) {
      assert.ok('value' in compile(params)({ ...example.params }), name)
      assert.ok('value' in compile(result)(example.result), name)
      // What the schema does not name is not written.
      assert.deepEqual(JSON.parse(rpc.encode(name, example.result)), example.result)
    }
  }
})
