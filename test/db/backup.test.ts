import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import Driver from 'better-sqlite3'
import { backupFile } from '../../db/backup.ts'
import { type Db, open } from '../../db/client.ts'
import { folder } from './folder.ts'

const LONG = 'x'.repeat(4000)

async function filled(file: string, messages: number): Promise<Db> {
  const db = await open({ file })
  await db.sessions.open('ws:a', 1)
  await db.plugin('weather').set('city', 'Bern')
  for (let n = 0; n < messages; n++) await say(db, n)
  return db
}

async function say(db: Db, n: number): Promise<void> {
  await db.messages.append({ sessionId: 'ws:a', runId: 'r', role: 'user', content: `${n} ${LONG}`, createdAt: n })
}

/** The numbers said in a copy, after SQLite has checked it from end to end. */
async function checked(file: string): Promise<number[]> {
  const client = new Driver(file)
  assert.equal(client.pragma('integrity_check', { simple: true }), 'ok')
  client.close()
  const db = await open({ file })
  assert.equal((await db.plugin('weather').get('city'))?.value, 'Bern')
  const rows = await db.messages.history('ws:a')
  assert.equal((await db.sessions.get('ws:a'))?.messageCount, rows.length)
  await db.close()
  return rows.map(({ content }) => Number(content.split(' ')[0]))
}

const upTo = (count: number) => Array.from({ length: count }, (_, n) => n)

test('npm run backup copies a database in use and prints the path', async (t) => {
  const home = await folder(t)
  const data = join(home, 'data')
  const db = await filled(join(data, 'flynn.db'), 1000)
  t.after(() => db.close())
  let running = true
  let said = 1000
  const writing = (async () => {
    while (running) {
      await say(db, said++)
      await new Promise(setImmediate)
    }
  })()
  const { code, stdout, stderr } = await backup([], home, data)
  running = false
  await writing
  assert.equal(stderr, '')
  assert.equal(code, 0)
  const [name, ...others] = await readdir(join(data, 'backups'))
  assert.deepEqual(others, [])
  assert.match(name!, /^flynn-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ\.db$/)
  const target = join(data, 'backups', name!)
  assert.equal(stdout, `${target}\n`)
  assert.equal((await stat(target)).mode & 0o777, 0o600)
  assert.ok(said > 1001, 'nothing was written during the backup')
  const numbers = await checked(target)
  assert.ok(numbers.length >= 1000)
  assert.deepEqual(numbers, upTo(numbers.length))
})

test('npm run backup takes a file or a folder, and explains errors', async (t) => {
  const home = await folder(t)
  const data = join(home, 'data')
  await (await filled(join(data, 'flynn.db'), 1)).close()
  await mkdir(join(home, 'keep'))
  assert.equal((await backup(['copy.db'], home, data)).stdout, `${join(home, 'copy.db')}\n`)
  assert.match((await backup(['keep'], home, data)).stdout, /\/keep\/flynn-[\dTZ-]+\.db\n$/)
  const refusals: [string[], string, RegExp, number][] = [
    [['--hlp'], data, /^flynn-gateway: unknown option --hlp; did you mean --help\?\n/, 2],
    [['a.db', 'b.db'], data, /^flynn-gateway: too many arguments for backup\n/, 2],
    [[], join(home, 'elsewhere'), /^flynn-gateway: database .*elsewhere\/flynn\.db does not exist\n$/, 1],
    [['data/flynn.db'], data, /^flynn-gateway: .*flynn\.db is the database itself/, 1]
  ]
  for (const [args, dataDir, said, exit] of refusals) {
    const { code, stdout, stderr } = await backup(args, home, dataDir)
    assert.match(stderr, said)
    assert.deepEqual({ code, stdout }, { code: exit, stdout: '' })
  }
})

test('a failed backup leaves the older one and no remains', async (t) => {
  const home = await folder(t)
  const [file, target] = [join(home, 'flynn.db'), join(home, 'backups', 'copy.db')]
  await (await filled(file, 100)).close()
  await backupFile(file, target)
  const whole = await readFile(target)
  // Somewhere in the pages of the messages, the disk has lost a block.
  const damaged = await readFile(file)
  damaged.fill(0xff, damaged.length >> 1, (damaged.length >> 1) + 4096)
  await writeFile(file, damaged)
  await assert.rejects(backupFile(file, target), (error: Error) => error.message.startsWith(`the copy of ${file} is damaged`))
  assert.deepEqual(await readdir(join(home, 'backups')), ['copy.db'])
  assert.deepEqual(await readFile(target), whole)
})

async function backup(args: string[], cwd: string, dataDir: string) {
  const script = fileURLToPath(new URL('../../cli.ts', import.meta.url))
  const child = spawn(process.execPath, [script, 'backup', ...args], {
    cwd,
    env: { PATH: process.env.PATH, FLYNN_DATA_DIR: dataDir }
  })
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { code, stdout, stderr }
}
