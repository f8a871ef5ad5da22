import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import type { AuditQuery, Db } from '../../db/client.ts'

/** Audit contract of every database. `open` makes a new, empty one that closes with the test. */
export function auditContract(kind: string, open: (t: TestContext) => Promise<Db>): void {
  const times = async (db: Db, query: Partial<AuditQuery> = {}) =>
    (await db.audit.list({ limit: 9, ...query })).map(({ at }) => at)

  test(`${kind}: the audit log lists its entries newest first and forgets the old ones`, async (t) => {
    const db = await open(t)
    for (const at of [1, 2, 3, 4]) await db.audit.append({ at, event: `e${at}`, actor: 'local', detail: { at } })
    const page = await db.audit.list({ limit: 2 })
    assert.deepEqual(
      page.map(({ at, event, actor, detail }) => ({ at, event, actor, detail })),
      [4, 3].map((at) => ({ at, event: `e${at}`, actor: 'local', detail: { at } }))
    )
    assert.deepEqual(await times(db, { before: page[1]!.id }), [2, 1])
    await db.audit.purge(3)
    assert.deepEqual(await times(db), [4, 3])
  })

  test(`${kind}: audit entries are filtered by event and actor, and paged`, async (t) => {
    const db = await open(t)
    const entries = ['a x', 'b x', 'a y', 'b y', 'a x', 'b x'].map((text, at) => ({ at, text: text.split(' ') }))
    for (const { at, text } of entries) await db.audit.append({ at, event: text[0]!, actor: text[1]!, detail: {} })
    assert.deepEqual(await times(db, { event: 'a' }), [4, 2, 0])
    assert.deepEqual(await times(db, { actor: 'y' }), [3, 2])
    assert.deepEqual(await times(db, { event: 'b', actor: 'x' }), [5, 1])
    assert.deepEqual(await times(db, { event: 'A' }), [])
    const [newest] = await db.audit.list({ event: 'b', limit: 1 })
    assert.deepEqual(await times(db, { event: 'b', before: newest!.id }), [3, 1])
  })

  test(`${kind}: audit entries are filtered by the beginning of their event, by session and by time, and counted`, async (t) => {
    const db = await open(t)
    for (const [at, event] of ['tool.run', 'tool.confirm', 'toolbox', 'auth.login'].entries()) {
      await db.audit.append({ at, event, actor: 'x', detail: { note: 'a', sessionId: at % 2 === 0 ? 'a:1_%"' : 'a:12', n: 1 } })
    }
    assert.deepEqual(await times(db, { event: 'tool.*' }), [1, 0])
    assert.deepEqual(await times(db, { event: 'tool*' }), [2, 1, 0])
    assert.deepEqual(await times(db, { event: '%*' }), [])
    assert.deepEqual(await times(db, { sessionId: 'a:1_%"' }), [2, 0])
    assert.deepEqual(await times(db, { sessionId: 'a:1' }), [])
    assert.deepEqual(await times(db, { since: 1, until: 3 }), [2, 1])
    assert.deepEqual([await db.audit.count({}), await db.audit.count({ sessionId: 'a:12', since: 2 })], [4, 1])
  })

  test(`${kind}: a page of large entries ends early, and never without one`, async (t) => {
    const db = await open(t)
    for (const [at, length] of [10, 500, 10, 10].entries()) {
      await db.audit.append({ at, event: 'e', actor: 'a', detail: { text: 'ä'.repeat(length / 2) } })
    }
    assert.deepEqual(await times(db, { bytes: 100 }), [3, 2])
    const [third] = (await db.audit.list({ limit: 2 })).slice(1)
    assert.deepEqual(await times(db, { bytes: 100, before: third!.id }), [1])
    assert.deepEqual(await times(db, { bytes: 600 }), [3, 2, 1, 0])
  })
}
