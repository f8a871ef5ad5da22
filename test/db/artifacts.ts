import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import fc from 'fast-check'
import type { Db, NewArtifact } from '../../db/client.ts'
import { rounds } from '../rounds.ts'

const ALL = { limit: 1000, offset: 0, bytes: Number.MAX_SAFE_INTEGER }

function artifact(artifactId: string, changes: Partial<NewArtifact> = {}): NewArtifact {
  return { sessionId: 'ws:a', artifactId, type: 'note', title: null, content: {}, metadata: null, ...changes }
}

/** Canvas contract of every database. `open` makes a new, empty one that closes with the test. */
export function artifactsContract(kind: string, open: (t: TestContext) => Promise<Db>, numRuns = rounds(20)): void {
  async function opened(t: TestContext): Promise<Db> {
    const db = await open(t)
    await db.sessions.open('ws:a', 1)
    await db.sessions.open('ws:b', 1)
    return db
  }

  const ids = async (db: Db, page: Partial<typeof ALL> = {}, sessionId = 'ws:a') =>
    (await db.artifacts.list(sessionId, { ...ALL, ...page })).rows.map(({ artifactId }) => artifactId)

  test(`${kind}: putting an artifact again replaces it and is one more revision`, async (t) => {
    const db = await opened(t)
    const first = artifact('card', { title: 'Draft', content: { markdown: '# a' }, metadata: { lane: 'x' } })
    const made = await db.artifacts.put(first, 10)
    assert.deepEqual(made, { artifact: { ...first, createdAt: 10, updatedAt: 10, revision: 1 }, created: true })
    const second = artifact('card', { type: 'table', content: { rows: [null, "'"] } })
    const changed = await db.artifacts.put(second, 20)
    assert.deepEqual(changed, { artifact: { ...second, createdAt: 10, updatedAt: 20, revision: 2 }, created: false })
    assert.deepEqual(await db.artifacts.get('ws:a', 'card'), changed?.artifact)
    assert.equal((await db.artifacts.put(second, 25))?.artifact.revision, 3)
    assert.equal(await db.artifacts.get('ws:b', 'card'), undefined)
    await assert.rejects(db.artifacts.put(artifact('card', { sessionId: 'ws:gone' }), 1), /foreign key/i)
  })

  test(`${kind}: a full canvas refuses new artifacts and still takes changes`, async (t) => {
    const db = await opened(t)
    for (const id of ['1', '2', '3']) assert.ok(await db.artifacts.put(artifact(id), 1, 3))
    assert.equal(await db.artifacts.put(artifact('4'), 2, 3), undefined)
    assert.equal((await db.artifacts.put(artifact('1'), 2, 3))?.artifact.revision, 2)
    assert.ok(await db.artifacts.put(artifact('4', { sessionId: 'ws:b' }), 2, 3))
    assert.deepEqual(await ids(db), ['1', '2', '3'])
    const many = await Promise.all(
      Array.from({ length: 9 }, (_, n) => db.artifacts.put(artifact(`n${n}`, { sessionId: 'ws:b' }), 3, 3))
    )
    assert.equal(many.filter((put) => put !== undefined).length, 2)
    assert.equal((await ids(db, {}, 'ws:b')).length, 3)
  })

  test(`${kind}: artifacts are listed with the newest change first, page by page`, async (t) => {
    const db = await opened(t)
    for (const [now, id] of ['old', 'a', 'b', 'new'].entries()) await db.artifacts.put(artifact(id), now === 2 ? 1 : now)
    await db.artifacts.put(artifact('other', { sessionId: 'ws:b' }), 9)
    assert.deepEqual(await ids(db), ['new', 'a', 'b', 'old'])
    await db.artifacts.put(artifact('old'), 7)
    assert.deepEqual(await ids(db, { limit: 2 }), ['old', 'new'])
    assert.deepEqual(await ids(db, { limit: 2, offset: 2 }), ['a', 'b'])
    assert.deepEqual(await db.artifacts.list('ws:a', { ...ALL, offset: 4 }), { rows: [], total: 4 })
    assert.deepEqual(await db.artifacts.list('ws:none', ALL), { rows: [], total: 0 })
  })

  test(`${kind}: pages cut by size show every artifact once and are never empty`, async (t) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ size: fc.nat(60), at: fc.nat(5), metadata: fc.boolean() }), { maxLength: 12 }),
        fc.integer({ min: 1, max: 150 }),
        fc.integer({ min: 1, max: 5 }),
        async (all, bytes, limit) => {
          const db = await opened(t)
          for (const [index, { size, at, metadata }] of all.entries()) {
            const text = { text: 'ä'.repeat(size / 2) }
            await db.artifacts.put(artifact(`${index}`, { content: text, metadata: metadata ? text : null }), at)
          }
          const whole = await ids(db)
          const seen: string[] = []
          while (seen.length < all.length) {
            const { rows, total } = await db.artifacts.list('ws:a', { limit, bytes, offset: seen.length })
            assert.equal(total, all.length)
            assert.ok(rows.length > 0 && rows.length <= limit)
            const size = rows
              .flatMap(({ content, metadata }) => [content, ...(metadata ? [metadata] : [])])
              .reduce((sum, part) => sum + Buffer.byteLength(JSON.stringify(part)), 0)
            assert.ok(rows.length === 1 || size <= bytes)
            seen.push(...rows.map(({ artifactId }) => artifactId))
          }
          assert.deepEqual(seen, whole)
          await db.close()
        }
      ),
      { numRuns }
    )
  })

  test(`${kind}: one artifact is removed, or all of a session, and of no other`, async (t) => {
    const db = await opened(t)
    for (const id of ['1', '2', '3']) await db.artifacts.put(artifact(id), 1)
    await db.artifacts.put(artifact('1', { sessionId: 'ws:b' }), 1)
    assert.equal(await db.artifacts.remove('ws:a', '1'), true)
    assert.equal(await db.artifacts.remove('ws:a', '1'), false)
    assert.deepEqual(await ids(db), ['2', '3'])
    assert.equal(await db.artifacts.clear('ws:a'), 2)
    assert.equal(await db.artifacts.clear('ws:a'), 0)
    assert.deepEqual(await ids(db), [])
    assert.deepEqual(await ids(db, {}, 'ws:b'), ['1'])
    assert.deepEqual((await db.artifacts.put(artifact('1'), 9))?.created, true)
  })
}
