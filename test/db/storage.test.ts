import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import test from 'node:test'
import { open } from '../../db/client.ts'
import { Storage } from '../../db/storage.ts'
import { folder } from './folder.ts'

const said = { sessionId: 'ws:a', runId: 'r', role: 'user', content: 'Hello', createdAt: 1 } as const

test('a database that cannot grow is not ready until writes succeed again', async (t) => {
  const file = join(await folder(t), 'flynn.db')
  await (await open({ file })).close()
  const program = `
    const { open } = await import(${JSON.stringify(import.meta.resolve('../../db/client.ts'))})
    const db = await open({ file: ${JSON.stringify(file)} })
    await db.sessions.open('ws:a', 1)
    await db.ready()
    const content = 'x'.repeat(100_000)
    const full = await (async () => {
      for (let n = 0; ; n++) await db.messages.append({ sessionId: 'ws:a', runId: 'r', role: 'user', content, createdAt: n })
    })().catch((error) => error.code)
    console.log(full, await db.ready().then(() => 'ready', (error) => error.code))`
  // Files end at 2 to 4 MiB in this process, by the shell. SQLite sees an I/O error, like that of a disk over its quota.
  const limited = `trap '' XFSZ; ulimit -f 4096; exec "$0" --input-type=module -e "$1"`
  const child = spawn('sh', ['-c', limited, process.execPath, program], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [said] = await Promise.all([text(child.stdout), once(child, 'close')])
  assert.match(said, /^SQLITE_(IOERR_WRITE|FULL) SQLITE_(IOERR_WRITE|FULL)\n$/)

  const db = await open({ file })
  t.after(() => db.close())
  await db.ready()
})

test('a full disk is an error before a write', async (t) => {
  const file = join(await folder(t), 'flynn.db')
  await (await open({ file })).close()
  await new Storage(file).assertSpace()
  await assert.rejects(
    new Storage(file, Number.MAX_SAFE_INTEGER).assertSpace(),
    /the disk of the database is full: \d+ bytes are free/
  )
})

test('a deleted or replaced database file is noticed', async (t) => {
  const file = join(await folder(t), 'flynn.db')
  const db = await open({ file })
  t.after(() => db.close())
  db.assertSameFile()
  await db.ready()
  await copyFile(file, `${file}.copy`)
  await rm(file)
  assert.throws(() => db.assertSameFile(), /was deleted while the gateway uses it/)
  await assert.rejects(db.ready(), /was deleted/)
  await rename(`${file}.copy`, file)
  assert.throws(() => db.assertSameFile(), /was replaced while the gateway uses it/)
  await assert.rejects(db.ready(), /was replaced/)
})

test('once writes pause, the file by itself has everything and the log is empty', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const home = await folder(t)
  const file = join(home, 'flynn.db')
  const db = await open({ file })
  t.after(() => db.close())
  const copied = async (name: string) => {
    await copyFile(file, join(home, name))
    const copy = await open({ file: join(home, name) })
    const rows = await copy.messages.history('ws:a')
    await copy.close()
    return rows.length
  }
  assert.equal(await copied('new.db'), 0)
  await db.sessions.open('ws:a', 1)
  await db.messages.append(said)
  t.mock.timers.tick(2000)
  await db.messages.append(said)
  t.mock.timers.tick(2000)
  assert.equal(await copied('busy.db'), 0)
  t.mock.timers.tick(2000)
  assert.equal(await copied('quiet.db'), 2)
  assert.equal((await stat(`${file}-wal`)).size, 0)
})
