import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { type Db, open } from '../../../db/client.ts'
import { Analytics } from '../../../plugins/analytics/index.ts'
import { build, connect, type Frame, rejection } from '../../helper.ts'
import { FIXTURES } from '../../protocol/fixtures.ts'
import { differences, SHAPE } from '../../protocol/shape.ts'

const DAY = 86_400_000
const NOON = Date.UTC(2026, 1, 16, 12)

async function database(t: TestContext): Promise<Db> {
  const db = await open({ file: ':memory:' })
  t.after(() => db.close())
  return db
}

async function say(db: Db, sessionId: string, createdAt: number, content = 'Hello'): Promise<void> {
  await db.sessions.open(sessionId, createdAt)
  await db.messages.append({ sessionId, runId: 'r', role: 'user', content, createdAt })
}

test('days are UTC days and include today', async (t) => {
  const db = await database(t)
  const midnight = Date.UTC(2026, 1, 16)
  for (const time of [midnight - DAY - 1, midnight - DAY, midnight - 1, midnight]) await say(db, 'ws:a', time)
  const report = (days: number, now: number) => new Analytics(db.analytics, () => now).report({ days, topLimit: 10 })
  const daysOf = async (days: number, now: number) =>
    (await report(days, now)).daily.map(({ day, messages }) => `${day}: ${messages}`)
  assert.deepEqual(await daysOf(1, NOON), ['2026-02-16: 1'])
  assert.deepEqual(await daysOf(1, midnight), ['2026-02-16: 1'])
  assert.deepEqual(await daysOf(2, midnight + DAY - 1), ['2026-02-15: 2', '2026-02-16: 1'])
  assert.deepEqual(await daysOf(366, NOON), ['2026-02-14: 1', '2026-02-15: 2', '2026-02-16: 1'])
  assert.equal((await report(2, NOON)).totalMessages, 3)
})

test('top lists are sorted and limited; times are epoch seconds', async (t) => {
  const db = await database(t)
  for (let n = 0; n < 9; n++) await say(db, 'ws:long-ago', NOON - 40 * DAY, 'terraform')
  for (let n = 0; n < 3; n++) await say(db, 'ws:a', NOON - DAY + n, 'kubernetes')
  await say(db, 'ws:long-ago', NOON, 'grafana kubernetes')
  await say(db, 'ws:b', NOON + 1999, 'grafana')
  for (const [n, tool] of ['file.read', 'web.search', 'web.search'].entries()) {
    const parts = { toolCalls: [{ callId: 'c', tool, args: {} }] }
    const message = { sessionId: 'ws:b', runId: 'r', role: 'assistant', content: '' } as const
    await db.messages.append({ ...message, parts, createdAt: NOON + n })
  }
  const seconds = NOON / 1000
  const report = (topLimit: number) => new Analytics(db.analytics, () => NOON).report({ days: 30, topLimit })
  assert.deepEqual(await report(10), {
    models: [],
    daily: [
      { day: '2026-02-15', sessions: 1, messages: 3 },
      { day: '2026-02-16', sessions: 2, messages: 5 }
    ],
    topSessions: [
      { sessionId: 'ws:b', messages: 4, lastActivity: seconds + 1 },
      { sessionId: 'ws:a', messages: 3, lastActivity: seconds - 86_400 },
      { sessionId: 'ws:long-ago', messages: 1, lastActivity: seconds }
    ],
    topTools: [
      { toolName: 'web.search', executions: 2 },
      { toolName: 'file.read', executions: 1 }
    ],
    topTopics: [
      { topic: 'kubernetes', occurrences: 4 },
      { topic: 'grafana', occurrences: 2 }
    ],
    averageMessagesPerSession: 2.67,
    totalSessions: 3,
    totalMessages: 8
  })
  const { topSessions, topTools, topTopics, totalSessions } = await report(1)
  assert.deepEqual([topSessions.length, topTools.length, topTopics.length, totalSessions], [1, 1, 1, 3])
})

test('a report of many sessions yields to others and counts each once', async (t) => {
  const db = await database(t)
  for (let n = 0; n < 6000; n++) await say(db, `ws:${n}`, NOON)
  let turns = 0
  let saying: Promise<void> | undefined
  // As `setImmediate` calls itself again, each time once all that waited had its turn.
  let turn = setImmediate(function next() {
    turns++
    saying ??= say(db, 'ws:0', NOON + 1)
    turn = setImmediate(next)
  })
  const { totalSessions } = await new Analytics(db.analytics, () => NOON).report({ days: 1, topLimit: 1 })
  clearImmediate(turn)
  await saying
  assert.ok(totalSessions === 6000 || totalSessions === 6001, `${totalSessions}`)
  assert.ok(turns >= 2, `${turns}`)
})

test('a report of an empty database is empty', async (t) => {
  const db = await database(t)
  assert.deepEqual(await new Analytics(db.analytics).report({ days: 30, topLimit: 10 }), {
    daily: [],
    models: [],
    topSessions: [],
    topTools: [],
    topTopics: [],
    averageMessagesPerSession: 0,
    totalSessions: 0,
    totalMessages: 0
  })
})

test('a report has the newest messages and no deleted ones', async (t) => {
  const { url, app } = await build(t)
  const client = await connect(t, url)
  await client.call('agent.send', { message: 'say something about kubernetes', sessionId: 'ws:a' })
  await client.call('agent.send', { message: '/tool file.list {}', sessionId: 'ws:b' })
  const { request, response } = FIXTURES.get('system.sessionAnalytics')!
  client.send(request)
  const answer = await client.final(request!.id)
  assert.deepEqual(differences(response, answer, '', SHAPE), [])
  const { result } = answer
  assert.deepEqual([result.totalSessions, result.totalMessages, result.averageMessagesPerSession], [2, 5, 2.5])
  assert.deepEqual(result.topTools, [{ toolName: 'file.list', executions: 1 }])
  assert.ok(result.topTopics.some(({ topic }: { topic: string }) => topic === 'kubernetes'))
  const { models: _, ...example } = app.rpc.get('system.sessionAnalytics')!.examples![0]!.result as Frame
  assert.deepEqual(example, response!.result)

  await client.call('sessions.delete', { sessionId: 'ws:a' })
  const after = await client.call('system.sessionAnalytics')
  assert.deepEqual([after.totalSessions, after.totalMessages], [1, 3])
  assert.ok(!JSON.stringify(after).includes('kubernetes'))
})

test('days and topLimit are numbers within their bounds', async (t) => {
  const { url } = await build(t)
  const client = await connect(t, url)
  for (const params of [{ days: 0 }, { days: 367 }, { days: 1.5 }, { days: '7' }, { topLimit: 0 }, { topLimit: 101 }]) {
    assert.equal((await rejection(client.call('system.sessionAnalytics', params))).code, -2, JSON.stringify(params))
  }
  for (const params of [{ days: 1, topLimit: 1 }, { days: 366, topLimit: 100 }, {}])
    await client.call('system.sessionAnalytics', params)
})
