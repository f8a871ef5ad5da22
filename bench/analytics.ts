/**
 * Duration of `system.sessionAnalytics` with 1,000,000 messages stored and the longest time it holds the event loop, beside the same days
 * counted in the messages themselves; and the cost of storing a message. Run it with `node bench/analytics.ts`; it takes two minutes
 * and 700 MB of disk.
 */
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import Driver from 'better-sqlite3'
import { open } from '../db/client.ts'
import { sql } from '../db/drizzle.ts'
import { connect } from '../db/sqlite.ts'
import { messageStore } from '../db/stores/messages.ts'
import { sessionStore } from '../db/stores/sessions.ts'
import { Analytics } from '../plugins/analytics/index.ts'

const MESSAGES = 1_000_000
const SESSIONS = 5_000
const DAYS = 365
const DAY_MS = 86_400_000
const WORDS = 20
const VOCABULARY = 20_000
const AT_ONCE = 10_000
const ROUNDS = 50

const now = Date.now()
const print = (text: string): void => void process.stdout.write(`${text}\n`)

/** The same sequence each time. */
let seed = 1
function random(): number {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
  return seed / 2 ** 32
}
/** The first ones far more often than the last, as people and words come. */
const often = (of: number): number => Math.floor(of * random() ** 3)
const letters = (n: number): string =>
  [...n.toString(26)].map((digit) => String.fromCharCode(97 + Number.parseInt(digit, 26))).join('')
const word = (): string => (random() < 0.5 ? 'the' : `word${letters(often(VOCABULARY))}`)

function message(n: number, createdAt: number) {
  const role = (['user', 'assistant', 'user', 'assistant', 'tool'] as const)[n % 5]!
  const call = { callId: 'c', tool: `tool.${letters(often(40))}`, args: { command: 'true' } }
  return {
    sessionId: `bench:${often(SESSIONS)}`,
    runId: `run-${n}`,
    role,
    content: Array.from({ length: WORDS }, word).join(' '),
    parts: n % 5 === 3 ? { toolCalls: [call] } : null,
    createdAt
  }
}

const folder = await mkdtemp(path.join(tmpdir(), 'flynn-bench-'))
const file = path.join(folder, 'flynn.db')
try {
  // As the gateway stores them, but for the commits: one for many.
  const connection = await connect(file)
  const [sessions, messages] = [sessionStore(connection), messageStore(connection)]
  for (let n = 0; n < SESSIONS; n++) await sessions.open(`bench:${n}`, now - DAYS * DAY_MS)
  const began = performance.now()
  for (let first = 0; first < MESSAGES; first += AT_ONCE) {
    connection.query.run(sql`begin`)
    for (let n = first; n < first + AT_ONCE; n++) await messages.append(message(n, now - (1 - n / MESSAGES) * DAYS * DAY_MS))
    connection.query.run(sql`commit`)
  }
  const seconds = (performance.now() - began) / 1000
  connection.close()
  const megabytes = (await stat(file)).size / 1e6
  print(
    `${MESSAGES} messages in ${SESSIONS} sessions and ${DAYS} days: stored in ${seconds.toFixed(0)} s, ${megabytes.toFixed(0)} MB`
  )

  const db = await open({ file })
  const analytics = new Analytics(db.analytics)
  for (const days of [1, 7, 30, 90, 365]) {
    const { totalSessions, totalMessages } = await analytics.report({ days, topLimit: 10 })
    const times: number[] = []
    const held: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      let last = performance.now()
      let longest = 0
      let turn = setImmediate(function next() {
        longest = Math.max(longest, performance.now() - last)
        last = performance.now()
        turn = setImmediate(next)
      })
      const before = performance.now()
      await analytics.report({ days, topLimit: 10 })
      times.push(performance.now() - before)
      held.push(Math.max(longest, performance.now() - last))
      clearImmediate(turn)
    }
    const of = `${totalMessages} messages in ${totalSessions} sessions`
    print(
      `${days} days (${of}): median ${middle(times)} ms, worst ${worst(times)} ms; holds others up for ${worst(held)} ms at most`
    )
  }
  const appends: number[] = []
  for (let n = 0; n < 5000; n++) {
    const next = message(n, now)
    const before = performance.now()
    await db.messages.append(next)
    appends.push(performance.now() - before)
  }
  print(`one more message: median ${middle(appends)} ms, worst ${worst(appends)} ms`)
  await db.close()

  const plain = new Driver(file)
  const before = performance.now()
  const since = now - 30 * DAY_MS
  const counted = "from messages where role <> 'tool' and created_at >= ?"
  plain.prepare(`select created_at / ${DAY_MS}, count(distinct session_id), count(*) ${counted} group by 1`).all(since)
  plain.prepare(`select session_id, count(*) ${counted} group by 1 order by 2 desc limit 10`).all(since)
  print(`beside it, days and sessions of 30 days counted in the messages: ${(performance.now() - before).toFixed(0)} ms`)
  plain.close()
} finally {
  await rm(folder, { recursive: true })
}

function sorted(times: readonly number[]): number[] {
  return [...times].sort((one, other) => one - other)
}

function middle(times: readonly number[]): string {
  return sorted(times)[Math.floor(times.length / 2)]!.toFixed(2)
}

function worst(times: readonly number[]): string {
  return Math.max(...times).toFixed(2)
}
