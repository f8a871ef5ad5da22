import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import type { Db, NewMessage, NewQueueRow, QueueEnd } from '../../db/client.ts'

const POLICY = { mode: 'collect', cap: 7, overflow: 'drop_new', debounceMs: 0, summarizeOverflow: false } as const

export function queued(id: string, changes: Partial<NewQueueRow> = {}): NewQueueRow {
  return {
    id,
    sessionId: 'ws:a',
    owner: 'token:ann',
    priority: 'person',
    policy: POLICY,
    preview: `The beginning of ${id}`,
    acceptedAt: 1000,
    body: { message: `All of ${id}: "ä😀"` },
    ...changes
  }
}

export function ended(id: string, state: QueueEnd['state'] = 'completed', outcome: unknown = { of: id }): QueueEnd {
  return { id, state, outcome }
}

/** Queue contract of every database: part of `databaseContract`. `open` makes a new, empty one that closes with the test. */
export function queueContract(kind: string, open: (t: TestContext) => Promise<Db>): void {
  const ids = async (db: Db) => (await db.queue.unended()).map(({ id }) => id)
  const said = (message: Pick<NewMessage, 'runId' | 'role' | 'content'> & Partial<NewMessage>): NewMessage => ({
    sessionId: 'ws:a',
    createdAt: 1,
    ...message
  })

  test(`${kind}: an accepted message is stored completely, and its session with it`, async (t) => {
    const db = await open(t)
    assert.deepEqual(await db.queue.accept(queued('1', { idempotencyKey: 'k' })), {})
    const row = {
      id: '1',
      sessionId: 'ws:a',
      runId: null,
      owner: 'token:ann',
      priority: 'person',
      policy: POLICY,
      preview: 'The beginning of 1',
      state: 'queued',
      attempts: 0,
      acceptedAt: 1000,
      endedAt: null,
      idempotencyKey: 'k',
      reply: null,
      outcome: null
    }
    assert.deepEqual(await db.queue.get('1'), row)
    assert.deepEqual(await db.queue.unended(), [row])
    assert.equal(await db.queue.get('2'), undefined)
    assert.equal((await db.sessions.get('ws:a'))?.createdAt, 1000)
    await db.queue.accept(queued('2', { body: [null] }))
    assert.deepEqual(
      await db.queue.bodies(['2', '1', 'unknown']),
      new Map<string, unknown>([
        ['1', { message: 'All of 1: "ä😀"' }],
        ['2', [null]]
      ])
    )
    assert.deepEqual(await db.queue.bodies([]), new Map())
  })

  test(`${kind}: one key is one message of its session, also at once`, async (t) => {
    const db = await open(t)
    const keyed = (id: string, changes: Partial<NewQueueRow> = {}) =>
      db.queue.accept(queued(id, { idempotencyKey: 'k', ...changes }))
    assert.deepEqual(await Promise.all([keyed('1'), keyed('2', { body: 'other' }), keyed('3', { sessionId: 'ws:b' })]), [
      {},
      { duplicateOf: '1' },
      {}
    ])
    assert.deepEqual(await keyed('4'), { duplicateOf: '1' })
    await db.queue.settle({ ends: [ended('1')], now: 5 })
    assert.deepEqual(await keyed('5'), { duplicateOf: '1' })
    assert.deepEqual(await db.queue.accept(queued('6')), {})
    assert.deepEqual(await db.queue.accept(queued('7')), {})
    assert.deepEqual(await ids(db), ['3', '6', '7'])
  })

  test(`${kind}: a known id is a duplicate in its session, refused in others`, async (t) => {
    const db = await open(t)
    await db.queue.accept(queued('1'))
    assert.deepEqual(await db.queue.accept(queued('1', { owner: 'token:bob' })), { duplicateOf: '1' })
    await assert.rejects(db.queue.accept(queued('1', { sessionId: 'ws:b' })), /another session has a message 1/)
    const { owner, sessionId } = (await db.queue.get('1'))!
    assert.deepEqual({ owner, sessionId }, { owner: 'token:ann', sessionId: 'ws:a' })
  })

  test(`${kind}: a run claims messages at its start and later`, async (t) => {
    const db = await open(t)
    await db.queue.accept(queued('1', { acceptedAt: 1 }))
    await db.queue.accept(queued('2', { acceptedAt: 2, owner: 'token:bob' }))
    await db.queue.accept(queued('3', { acceptedAt: 3 }))
    await db.queue.claim({ sessionId: 'ws:a', runId: 'run', ids: ['2', '1', 'unknown'], now: 10 })
    const run = await db.runs.get('run')
    assert.deepEqual(run, {
      id: 'run',
      sessionId: 'ws:a',
      principal: 'token:bob',
      status: 'running',
      createdAt: 2,
      startedAt: 10,
      endedAt: null,
      inputTokens: 0,
      outputTokens: 0,
      provider: null,
      model: null,
      errorCode: null,
      errorMessage: null,
      reason: null
    })
    await db.queue.claim({ sessionId: 'ws:a', runId: 'run', ids: ['3'], now: 20 })
    await db.queue.claim({ sessionId: 'ws:a', runId: 'other', ids: ['3'], now: 30 })
    assert.deepEqual(await db.runs.get('run'), run)
    assert.deepEqual(
      (await db.queue.unended()).map(({ id, state, runId, attempts }) => [id, state, runId, attempts]),
      [
        ['1', 'running', 'run', 1],
        ['2', 'running', 'run', 1],
        ['3', 'running', 'other', 2]
      ]
    )
    assert.equal((await db.queue.byRun('run'))?.id, '1')
    assert.equal((await db.queue.byRun('other'))?.id, '3')
    assert.equal(await db.queue.byRun('unknown'), undefined)
  })

  test(`${kind}: a claim of ended or unknown messages begins no run`, async (t) => {
    const db = await open(t)
    await db.queue.accept(queued('1'))
    await db.queue.settle({ ends: [ended('1')], now: 5 })
    await db.queue.claim({ sessionId: 'ws:a', runId: 'late', ids: ['1', 'unknown'], now: 10 })
    await db.queue.claim({ sessionId: 'ws:a', runId: 'late', ids: [], now: 10 })
    assert.equal(await db.runs.get('late'), undefined)
    assert.equal((await db.queue.get('1'))?.state, 'completed')
  })

  test(`${kind}: a claim creates a deleted session again`, async (t) => {
    const db = await open(t)
    await db.queue.accept(queued('ended'))
    await db.queue.settle({ ends: [ended('ended')], now: 2 })
    await db.queue.accept(queued('waits'))
    await db.queue.accept(queued('other', { sessionId: 'ws:b' }))
    await db.queue.settle({ ends: [ended('other')], now: 2 })
    assert.equal(await db.sessions.remove('ws:a'), true)
    assert.equal(await db.queue.get('ended'), undefined)
    assert.equal((await db.queue.get('other'))?.state, 'completed')
    assert.deepEqual(await ids(db), ['waits'])
    await db.queue.claim({ sessionId: 'ws:a', runId: 'waits', ids: ['waits'], now: 30 })
    assert.equal((await db.sessions.get('ws:a'))?.createdAt, 30)
    assert.equal((await db.runs.get('waits'))?.status, 'running')
  })

  test(`${kind}: messages and their run end together, once`, async (t) => {
    const db = await open(t)
    for (const id of ['1', '2', '3']) await db.queue.accept(queued(id, { idempotencyKey: id }))
    await db.queue.claim({ sessionId: 'ws:a', runId: '1', ids: ['1', '2'], now: 10 })
    const end = {
      status: 'failed',
      endedAt: 19,
      inputTokens: 3,
      outputTokens: 4,
      provider: 'p',
      model: 'm',
      errorCode: 5,
      errorMessage: 'e'
    } as const
    const before = (await db.queue.get('2'))!
    await db.queue.settle({ ends: [ended('1', 'failed', null), ended('2', 'cancelled', [1])], run: { id: '1', ...end }, now: 20 })
    const run = await db.runs.get('1')
    assert.deepEqual({ ...run, ...end }, run)
    const second = await db.queue.get('2')
    assert.deepEqual(second, { ...before, state: 'cancelled', outcome: [1], endedAt: 20 })
    assert.equal((await db.queue.get('1'))?.outcome, null)
    assert.deepEqual([...(await db.queue.bodies(['1', '2', '3'])).keys()], ['3'])

    await db.queue.settle({ ends: [ended('2', 'dropped')], run: { id: '1', status: 'completed', endedAt: 30 }, now: 30 })
    await db.queue.settle({ ends: [], run: { id: 'unknown', status: 'completed', endedAt: 30 }, now: 30 })
    await db.queue.settle({ ends: [ended('unknown')], now: 30 })
    assert.deepEqual([await db.runs.get('1'), await db.queue.get('2')], [run, second])
    assert.deepEqual(await ids(db), ['3'])
  })

  test(`${kind}: only a dropped message frees its key`, async (t) => {
    const db = await open(t)
    const states = ['completed', 'failed', 'cancelled', 'superseded', 'interrupted', 'dropped'] as const
    for (const state of states) {
      await db.queue.accept(queued(state, { idempotencyKey: state }))
      await db.queue.settle({ ends: [ended(state, state)], now: 5 })
    }
    const again = states.map((state) => db.queue.accept(queued(`${state} again`, { idempotencyKey: state })))
    assert.deepEqual(await Promise.all(again), [...states.slice(0, -1).map((state) => ({ duplicateOf: state })), {}])
    assert.equal((await db.queue.get('dropped'))?.state, 'dropped')
  })

  test(`${kind}: the ends of one call are all stored or none is`, async (t) => {
    const db = await open(t)
    for (const id of ['1', '2', '3']) await db.queue.accept(queued(id))
    await db.queue.claim({ sessionId: 'ws:a', runId: '1', ids: ['1', '2'], now: 10 })
    const bad = {
      ends: [ended('1'), ended('2', 'completed', 1n)],
      run: { id: '1', status: 'completed', endedAt: 11 },
      now: 11
    } as const
    const calls = [db.queue.settle(bad), db.queue.settle({ ends: [ended('3')], now: 11 })]
    await assert.rejects(calls[0]!, /BigInt/)
    await calls[1]
    assert.deepEqual(await ids(db), ['1', '2'])
    assert.equal((await db.runs.get('1'))?.status, 'running')
  })

  test(`${kind}: a failed call does not affect others of its turn`, async (t) => {
    const db = await open(t)
    const calls = [
      db.queue.accept(queued('1')),
      db.queue.accept(queued('bad', { owner: null as never, sessionId: 'ws:bad' })),
      db.queue.accept(queued('2')),
      db.queue.claim({ sessionId: 'ws:a', runId: '1', ids: ['1'], now: 5 }),
      db.queue.accept(queued('worse', { body: { n: 1n } }))
    ]
    const told = (await Promise.allSettled(calls)).map(({ status }) => status)
    assert.deepEqual(told, ['fulfilled', 'rejected', 'fulfilled', 'fulfilled', 'rejected'])
    assert.deepEqual(
      (await db.queue.unended()).map(({ id, state, attempts }) => [id, state, attempts]),
      [
        ['1', 'running', 1],
        ['2', 'queued', 0]
      ]
    )
    assert.equal(await db.sessions.get('ws:bad'), undefined)
  })

  test(`${kind}: unended messages come in the order of acceptance`, async (t) => {
    const db = await open(t)
    const order = ['c', 'a', 'd', 'b', 'e']
    for (const [index, id] of order.entries()) await db.queue.accept(queued(id, { sessionId: `ws:${id}`, acceptedAt: 9 - index }))
    await db.queue.claim({ sessionId: 'ws:d', runId: 'd', ids: ['d'], now: 10 })
    await db.queue.settle({ ends: [ended('a')], now: 10 })
    assert.deepEqual(await ids(db), ['c', 'd', 'b', 'e'])
  })

  test(`${kind}: a recovery applies its decisions and marks runs and transcripts`, async (t) => {
    const db = await open(t)
    for (const id of ['failed', 'died', 'again', 'thrice', 'silent', 'waits'])
      await db.queue.accept(queued(id, { idempotencyKey: id }))
    const begin = (id: string) => db.queue.claim({ sessionId: 'ws:a', runId: id, ids: [id], now: 2 })
    await begin('failed')
    await db.messages.append(said({ runId: 'failed', role: 'assistant', content: 'cut off', status: 'partial' }))
    await db.queue.settle({ ends: [ended('failed', 'failed')], run: { id: 'failed', status: 'failed', endedAt: 3 }, now: 3 })
    for (const id of ['died', 'again', 'thrice', 'silent']) await begin(id)
    await db.messages.append(said({ runId: 'died', role: 'user', content: 'question' }))
    await db.messages.append(said({ runId: 'died', role: 'assistant', content: 'half an', status: 'partial' }))
    await db.messages.append(said({ runId: 'died', role: 'tool', content: 'tool', parts: { callId: 'c' } }))
    await db.messages.append(said({ runId: 'again', role: 'user', content: 'unanswered' }))

    await db.queue.resolve({
      requeue: ['again', 'failed', 'unknown'],
      ends: [
        ...['died', 'silent'].map((id) => ended(id, 'interrupted', { kept: true })),
        ...['thrice', 'failed'].map((id) => ended(id, 'failed', 'thrice'))
      ],
      now: 7
    })
    for (const id of ['again', 'died', 'silent', 'thrice']) {
      const { status, endedAt } = (await db.runs.get(id))!
      assert.deepEqual([status, endedAt], ['interrupted', 7])
    }
    assert.equal((await db.runs.get('failed'))?.status, 'failed')
    assert.deepEqual(
      (await db.messages.history('ws:a')).map(({ content, status }) => `${content}: ${status}`),
      ['cut off: partial', 'question: complete', 'half an: interrupted', 'tool: complete', 'unanswered: interrupted']
    )
    const row = async (id: string) => {
      const { state, outcome, endedAt, attempts, runId, idempotencyKey } = (await db.queue.get(id))!
      return [state, outcome, endedAt, attempts, runId, idempotencyKey]
    }
    assert.deepEqual(await row('failed'), ['failed', { of: 'failed' }, 3, 1, 'failed', 'failed'])
    assert.deepEqual(await row('died'), ['interrupted', { kept: true }, 7, 1, 'died', 'died'])
    assert.deepEqual(await row('thrice'), ['failed', 'thrice', 7, 1, 'thrice', 'thrice'])
    assert.deepEqual(await row('again'), ['queued', null, null, 1, null, 'again'])
    assert.deepEqual(await row('waits'), ['queued', null, null, 0, null, 'waits'])
    assert.deepEqual(await ids(db), ['again', 'waits'])
    assert.deepEqual(new Set((await db.queue.bodies(['died', 'thrice', 'again', 'waits'])).keys()), new Set(['again', 'waits']))
    await db.queue.resolve({ requeue: [], ends: [], now: 8 })
    assert.deepEqual(await row('died'), ['interrupted', { kept: true }, 7, 1, 'died', 'died'])
  })

  test(`${kind}: old ended messages are purged with their keys, others never`, async (t) => {
    const db = await open(t)
    for (const id of ['1', '2', '3', '4']) await db.queue.accept(queued(id, { idempotencyKey: id, acceptedAt: 1 }))
    await db.queue.claim({ sessionId: 'ws:a', runId: '4', ids: ['4'], now: 2 })
    await db.queue.settle({ ends: [ended('1')], now: 10 })
    await db.queue.settle({ ends: [ended('2')], now: 11 })
    assert.equal(await db.queue.purge(11), 1)
    assert.equal(await db.queue.get('1'), undefined)
    assert.equal((await db.queue.get('2'))?.endedAt, 11)
    assert.deepEqual(await db.queue.accept(queued('5', { idempotencyKey: '1' })), {})
    assert.deepEqual(await ids(db), ['3', '4', '5'])
    assert.equal(await db.queue.purge(11), 0)
  })
}
