import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { type Db, open } from '../../../db/client.ts'
import { Canvas } from '../../../plugins/canvas/canvas.ts'
import { MAX_CONTENT_BYTES } from '../../../plugins/canvas/schema.ts'
import { canvasTool } from '../../../plugins/canvas/tool.ts'
import { bench } from '../tools/context.ts'

async function database(t: TestContext): Promise<Db> {
  const db = await open({ file: ':memory:' })
  t.after(() => db.close())
  return db
}

function canvasOf(db: Db, now: () => number = Date.now): Canvas {
  return new Canvas({ db, sessions: { open: (id) => db.sessions.open(id, 1) }, bus: { notify: () => {} }, now })
}

test('canvas.put creates the session, then creates and replaces the artifact', async (t) => {
  const db = await database(t)
  const { run } = await bench(t, 'ws:1')
  let time = 100
  const put = canvasTool(canvasOf(db, () => ++time))
  const note = {
    artifactId: 'card',
    type: 'note',
    title: 'Draft',
    content: { markdown: '## Notes' },
    metadata: { lane: 'analysis' }
  }
  assert.equal(await db.sessions.get('ws:1'), undefined)
  assert.equal(await run(put, note), "created 'card', revision 1")
  assert.equal((await db.sessions.get('ws:1'))?.id, 'ws:1')
  assert.equal(await run(put, { artifactId: 'card', type: 'note', content: {} }), "replaced 'card', revision 2")
  assert.deepEqual(await db.artifacts.get('ws:1', 'card'), {
    sessionId: 'ws:1',
    artifactId: 'card',
    type: 'note',
    title: null,
    content: {},
    metadata: null,
    createdAt: 101,
    updatedAt: 102,
    revision: 2
  })
})

test('an artifact over the limit is refused with a ToolError and creates no session', async (t) => {
  const db = await database(t)
  const { run } = await bench(t, 'ws:1')
  const content = { markdown: 'é'.repeat(MAX_CONTENT_BYTES / 2) }
  await assert.rejects(run(canvasTool(canvasOf(db)), { artifactId: 'a', type: 'note', content }), {
    name: 'ToolError',
    message: /at most 1048576 are allowed/
  })
  assert.equal(await db.sessions.get('ws:1'), undefined)
})

test('a failure of the database does not reach the model', async (t) => {
  const { run } = await bench(t, 'ws:1')
  const put = canvasTool({ put: () => Promise.reject(new Error('disk full')) })
  await assert.rejects(run(put, { artifactId: 'a', type: 'note', content: {} }), { name: 'Error', message: 'disk full' })
})
