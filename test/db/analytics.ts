import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import fc from 'fast-check'
import type { Db, MessageParts, PageEnd, RunEnd } from '../../db/client.ts'
import { NAMES_KEPT, NAMES_TODAY, TRIM_EVERY } from '../../db/stores/analytics.ts'
import { rounds } from '../rounds.ts'
import { ended, queued } from './queue.ts'

const DAY = 86_400_000

interface Stored {
  readonly id: number
  readonly sessionId: string
  readonly role: 'user' | 'assistant' | 'tool'
  readonly createdAt: number
  names: readonly string[]
}

const at = fc.tuple(fc.nat(4), fc.nat(DAY - 1)).map(([day, time]) => day * DAY + time)
const sessionId = fc.constantFrom('ws:a', 'ws:b', 'telegram:c')
const calls = fc.array(
  fc.record({ tool: fc.constantFrom('shell.exec', 'file.read', "it's"), invalid: fc.constantFrom(undefined, 'no JSON') }),
  { maxLength: 3 }
)
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      act: fc.constant('append'),
      sessionId,
      role: fc.constantFrom('user', 'assistant', 'tool'),
      words: fc.array(fc.constantFrom('kubernetes', 'terraform', "o'reilly", 'größe'), { maxLength: 4 }),
      calls,
      file: fc.boolean(),
      createdAt: at
    })
  },
  { weight: 3, arbitrary: fc.record({ act: fc.constant('update'), which: fc.nat(), calls }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('cut'), sessionId }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('renew'), sessionId }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('remove'), sessionId }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('purge'), before: at }) }
)

/** Analytics contract of every database. `open` makes a new, empty one that closes with the test. */
export function analyticsContract(kind: string, open: (t: TestContext) => Promise<Db>, numRuns = rounds(50)): void {
  test(`${kind}: analytics equal the stored messages after any operations`, async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.nat(4), async (steps, from) => {
        const db = await open(t)
        let stored: Stored[] = []
        for (const step of steps) {
          if (step.act === 'append') {
            await db.sessions.open(step.sessionId, 1)
            const role = step.role as Stored['role']
            const message = { sessionId: step.sessionId, runId: 'run', role, createdAt: step.createdAt }
            const id = await db.messages.append({
              ...message,
              content: step.words.join(' '),
              parts: partsOf(step.calls),
              attachments: step.file ? [{ mimeType: 'text/plain', data: 'eA==' }] : []
            })
            const topics = step.words.flatMap((word) => (word === "o'reilly" ? ['reilly'] : [word]))
            const names = { user: [...new Set(topics)], assistant: toolsOf(step.calls), tool: [] }[role]
            stored.push({ ...message, id, names })
          } else if (step.act === 'update') {
            const answers = stored.filter(({ role }) => role === 'assistant')
            const answer = answers[step.which % Math.max(answers.length, 1)]
            if (!answer) continue
            await db.messages.update({ id: answer.id, content: 'kubernetes', parts: partsOf(step.calls), status: 'partial' })
            answer.names = toolsOf(step.calls)
          } else if (step.act === 'cut') {
            await db.messages.cut(step.sessionId, 'run')
          } else if (step.act === 'purge') {
            const old = stored.filter(({ createdAt }) => createdAt < step.before)
            assert.equal(await db.messages.purge(step.before), old.length)
            stored = stored.filter((message) => !old.includes(message))
          } else if (step.act === 'renew') {
            await db.sessions.renew(step.sessionId)
          } else {
            await db.sessions.remove(step.sessionId)
            stored = stored.filter(({ sessionId }) => sessionId !== step.sessionId)
          }
        }
        assert.deepEqual(await allOf(db, from), counted(stored, from))
        await db.close()
      }),
      { numRuns }
    )
  })

  test(`${kind}: a message that is refused counts for nothing`, async (t) => {
    const db = await open(t)
    const message = { sessionId: 'ws:gone', runId: 'r', role: 'user', content: 'kubernetes', createdAt: 1 } as const
    await assert.rejects(db.messages.append(message), /foreign key/i)
    await assert.rejects(
      db.messages.append({ ...message, attachments: [{ mimeType: 'text/plain', data: 'eA==' }] }),
      /foreign key/i
    )
    assert.deepEqual(await allOf(db, 0), { days: [], sessions: [], tool: [], topic: [] })
  })

  test(`${kind}: pages of sessions follow each other, also with equal times`, async (t) => {
    const db = await open(t)
    const ids = Array.from({ length: 7 }, (_, n) => `ws:${n}`)
    for (const sessionId of ids) {
      await db.sessions.open(sessionId, 5)
      await db.messages.append({ sessionId, runId: 'r', role: 'user', content: '', createdAt: 10 })
    }
    const found: string[] = []
    for (let after: PageEnd | undefined; ; ) {
      const page = await db.analytics.activity({ from: 0, sessions: 3, limit: 2, after })
      found.push(`${page.top.map(({ id }) => id)}, of ${page.found}`)
      if (!page.end) break
      after = page.end
    }
    assert.deepEqual(found, ['ws:0,ws:1, of 3', 'ws:3,ws:4, of 3', 'ws:6, of 1'])
    // A session with a new message moves to a later page.
    const { end } = await db.analytics.activity({ from: 0, sessions: 1, limit: 9 })
    await db.messages.append({ sessionId: 'ws:0', runId: 'r', role: 'user', content: '', createdAt: 11 })
    const { top } = await db.analytics.activity({ from: 0, sessions: 9, limit: 9, after: end })
    assert.deepEqual(
      top.map(({ id, messages }) => [id, messages]),
      [['ws:0', 2], ...ids.slice(1).map((id) => [id, 1])]
    )
  })

  test(`${kind}: tool results are no activity, and a clock set back changes no age`, async (t) => {
    const db = await open(t)
    await db.sessions.open('ws:a', 1)
    const say = (role: Stored['role'], createdAt: number) =>
      db.messages.append({ sessionId: 'ws:a', runId: 'r', role, content: '', createdAt })
    await say('user', 5)
    await say('tool', DAY)
    assert.deepEqual(await db.analytics.activity({ from: 1, sessions: 9, limit: 9 }), { top: [], found: 0, end: undefined })
    await say('assistant', 7)
    assert.equal((await db.sessions.get('ws:a'))?.lastMessageAt, DAY)
  })

  test(`${kind}: of many different words only frequent ones are kept`, async (t) => {
    const db = await open(t)
    await db.sessions.open('ws:a', 1)
    let n = 0
    const say = (content: string, createdAt: number) =>
      db.messages.append({ sessionId: 'ws:a', runId: 'r', role: 'user', content, createdAt })
    /** New words. */
    const news = () => Array.from({ length: 20 }, () => letters(n++)).join(' ')
    for (let message = 0; message < 3 * TRIM_EVERY; message++) {
      await say(news(), 1)
      if (message % 3 === 0) await say('kubernetes', 1)
    }
    const all = async (from: number) => await db.analytics.most('topic', from, 1_000_000)
    const most = await all(0)
    assert.ok(most.length <= NAMES_TODAY + 20 * TRIM_EVERY, `${most.length}`)
    assert.deepEqual(most[0], { name: 'kubernetes', count: TRIM_EVERY })
    await say('terraform', DAY)
    assert.equal((await all(0)).length, NAMES_KEPT + 1)
    assert.deepEqual((await all(0))[0], most[0])
    // What was forgotten is not taken off once more.
    await db.sessions.remove('ws:a')
    assert.deepEqual(await all(0), [])
  })

  test(`${kind}: runs are counted once, by the day of their end and their model`, async (t) => {
    const db = await open(t)
    const ran = async (id: string, endedAt: number, end: Partial<RunEnd> = {}) => {
      await db.queue.accept(queued(id, { sessionId: 'ws:a', acceptedAt: 0 }))
      await db.queue.claim({ sessionId: 'ws:a', runId: id, ids: [id], now: 0 })
      const run = {
        id,
        status: 'completed',
        endedAt,
        inputTokens: 10,
        outputTokens: 1,
        provider: 'p',
        model: 'm',
        ...end
      } as const
      await db.queue.settle({ ends: [ended(id)], run, now: endedAt })
    }
    const day = 86_400_000
    await ran('a', day)
    await ran('b', day, { status: 'failed' })
    await ran('c', day + 5, { status: 'cancelled', model: null, provider: null, inputTokens: 0, outputTokens: 0 })
    await ran('d', 2 * day)
    const count = async (now: number) => {
      while (await db.analytics.countRuns(now));
    }
    await count(day + 2005)
    const first = { day: 1, provider: 'p', model: 'm', runs: 2, failed: 1, cancelled: 0, inputTokens: 20, outputTokens: 2 }
    assert.deepEqual(await db.analytics.models(0, 9), [first])
    await Promise.all([count(3 * day), count(3 * day)])
    await ran('e', 2 * day + 1)
    await count(3 * day)
    const none = { day: 1, provider: '', model: '', runs: 1, failed: 0, cancelled: 1, inputTokens: 0, outputTokens: 0 }
    const second = { ...first, day: 2, failed: 0 }
    assert.deepEqual(await db.analytics.models(0, 9), [none, first, second])
    assert.deepEqual(await db.analytics.models(2, 9), [second])
    assert.deepEqual(await db.analytics.models(0, 1), [second])
    await db.sessions.remove('ws:a')
    assert.equal((await db.analytics.models(0, 9)).length, 3)
  })

  test(`${kind}: made-up tool names do not fill the database`, async (t) => {
    const db = await open(t)
    await db.sessions.open('ws:a', 1)
    for (let n = 0; n < NAMES_TODAY + 3 * TRIM_EVERY; n++) {
      const parts = partsOf([{ tool: `${'x'.repeat(n === 0 ? 5000 : 1)}${n}`, invalid: undefined }])
      await db.messages.append({ sessionId: 'ws:a', runId: 'r', role: 'assistant', content: '', parts, createdAt: 1 })
    }
    const names = await db.analytics.most('tool', 0, 1_000_000)
    assert.ok(names.length <= NAMES_TODAY + TRIM_EVERY, `${names.length}`)
    assert.ok(names.every(({ name }) => name.length <= 128))
  })
}

type Calls = readonly { readonly tool: string; readonly invalid: string | undefined }[]

function partsOf(calls: Calls): MessageParts | null {
  if (calls.length === 0) return null
  return {
    toolCalls: calls.map(({ tool, invalid }) => ({ callId: 'c', tool, args: {}, ...(invalid === undefined ? {} : { invalid }) }))
  }
}

function toolsOf(calls: Calls): string[] {
  return calls.filter(({ invalid }) => invalid === undefined).map(({ tool }) => tool)
}

/** A word for a number, without digits and in no list of common ones. */
function letters(n: number): string {
  return `zq${[...n.toString(26)].map((digit) => String.fromCharCode(97 + Number.parseInt(digit, 26))).join('')}qz`
}

/** All that the store answers, in an order of its own. */
async function allOf(db: Db, from: number) {
  const { top, found } = await db.analytics.activity({ from, sessions: 1000, limit: 1000 })
  assert.equal(top.length, found)
  return {
    days: await db.analytics.days(from),
    sessions: top.map(({ id, messages }) => ({ id, messages })).sort((one, other) => (one.id < other.id ? -1 : 1)),
    tool: await db.analytics.most('tool', from, 1000),
    topic: await db.analytics.most('topic', from, 1000)
  }
}

/** The same, counted anew. */
function counted(all: readonly Stored[], from: number): Awaited<ReturnType<typeof allOf>> {
  const stored = all.filter(({ createdAt }) => Math.floor(createdAt / DAY) >= from)
  const messages = stored.filter(({ role }) => role !== 'tool')
  const days = Map.groupBy(messages, ({ createdAt }) => Math.floor(createdAt / DAY))
  const names = (wanted: Stored['role']) => {
    const said = stored.filter(({ role }) => role === wanted).flatMap(({ names }) => names)
    return [...Map.groupBy(said, (name) => name)]
      .map(([name, times]) => ({ name, count: times.length }))
      .sort((one, other) => other.count - one.count || Buffer.compare(Buffer.from(one.name), Buffer.from(other.name)))
  }
  return {
    days: [...days]
      .map(([day, rows]) => ({ day, sessions: new Set(rows.map(({ sessionId }) => sessionId)).size, messages: rows.length }))
      .sort((one, other) => one.day - other.day),
    sessions: [...Map.groupBy(messages, ({ sessionId }) => sessionId)]
      .map(([id, rows]) => ({ id, messages: rows.length }))
      .sort((one, other) => (one.id < other.id ? -1 : 1)),
    tool: names('assistant'),
    topic: names('user')
  }
}
