import assert from 'node:assert/strict'
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import test from 'node:test'
import Database from 'better-sqlite3'
import { checkpointsOf } from '../../../db/checkpoints.ts'
import { workspacePath } from '../../../plugins/tools/workspace.ts'
import { build, connect, rejection } from '../../helper.ts'

const PNG = '89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000049454e44ae426082'
const [SESSION, OTHER] = ['ws:a', 'ws:b']

test('sessions.delete removes workspace, attachments, runs and checkpoints', async (t) => {
  const { app, url, dataDir } = await build(t)
  const client = await connect(t, url)
  const outside = path.join(dataDir, 'outside')
  await mkdir(outside)
  await writeFile(path.join(outside, 'kept.txt'), 'kept')
  for (const sessionId of [SESSION, OTHER]) {
    const attachments = [{ mimeType: 'image/png', data: Buffer.from(PNG, 'hex').toString('base64') }]
    await client.call('agent.send', { message: 'look', sessionId, attachments })
    await client.call('agent.send', { message: '/tool file.write {"path":"notes/a.txt","content":"a"}', sessionId })
    await app.db.memory.put({ namespace: checkpointsOf(sessionId), key: '1', value: 'summary', updatedAt: 1 })
    await symlink(outside, path.join(workspacePath(dataDir, sessionId), 'link'))
  }
  const file = new Database(path.join(dataDir, 'flynn.db'), { readonly: true })
  t.after(() => file.close())
  const counts = (id: string): unknown =>
    file
      .prepare(
        `select (select count(*) from runs where session_id = $id) as runs,
          (select count(*) from attachments join messages on messages.id = message_id where session_id = $id) as attachments,
          (select count(*) from memory where namespace = $namespace) as checkpoints`
      )
      .get({ id, namespace: checkpointsOf(id) })
  const workspaces = path.join(dataDir, 'workspaces')
  assert.equal((await readdir(workspaces)).length, 2)
  await client.call('sessions.delete', { sessionId: SESSION })
  assert.deepEqual(await readdir(workspaces), [path.basename(workspacePath(dataDir, OTHER))])
  assert.deepEqual(await readdir(outside), ['kept.txt'])
  assert.deepEqual(counts(SESSION), { runs: 0, attachments: 0, checkpoints: 0 })
  assert.deepEqual(counts(OTHER), { runs: 2, attachments: 1, checkpoints: 1 })
})

test('a session whose workspace cannot be removed stays', async (t) => {
  const { app, url } = await build(t)
  const client = await connect(t, url)
  await client.call('agent.send', { message: 'hello', sessionId: SESSION })
  let fails = true
  app.sessions.onRemove(async () => {
    if (fails) throw new Error('EBUSY')
  })
  assert.equal((await rejection(client.call('sessions.delete', { sessionId: SESSION }))).code, 5)
  assert.equal((await client.call('sessions.get', { sessionId: SESSION })).history.length, 2)
  fails = false
  await client.call('sessions.delete', { sessionId: SESSION })
})
