import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import Driver from 'better-sqlite3'
import { generateSQLiteDrizzleJson, generateSQLiteMigration } from 'drizzle-kit/api'
import { isNull } from 'drizzle-orm'
import { open } from '../../db/client.ts'
import * as schema from '../../db/schema.sqlite.ts'
import { connect, MIGRATIONS } from '../../db/sqlite.ts'
import { messageStore } from '../../db/stores/messages.ts'
import { sessionStore } from '../../db/stores/sessions.ts'
import { databaseContract } from './contract.ts'
import { folder } from './folder.ts'

databaseContract('SQLite in memory', async (t) => {
  const db = await open({ file: ':memory:' })
  t.after(() => db.close())
  return db
})

databaseContract('SQLite in a file', async (t) => {
  const db = await open({ file: join(await folder(t), 'flynn.db') })
  t.after(() => db.close())
  return db
})

test('a file keeps its content when opened again, without migrating twice', async (t) => {
  const file = join(await folder(t), 'flynn.db')
  const first = await open({ file })
  await first.sessions.open('ws:a', 1)
  await first.messages.append({ sessionId: 'ws:a', runId: 'r', role: 'user', content: 'Hello', createdAt: 2 })
  await first.close()

  const second = await open({ file })
  t.after(() => second.close())
  assert.equal((await second.sessions.get('ws:a'))?.messageCount, 1)
  assert.equal((await second.messages.history('ws:a'))[0]?.content, 'Hello')
})

test('a new folder, the file and its log are private', async (t) => {
  const data = join(await folder(t), 'made', 'data')
  const db = await open({ file: join(data, 'flynn.db') })
  t.after(() => db.close())
  const mode = async (path: string) => (await stat(path)).mode & 0o777
  assert.equal(await mode(data), 0o700)
  for (const name of ['flynn.db', 'flynn.db-wal', 'flynn.db-shm']) assert.equal(await mode(join(data, name)), 0o600, name)
})

test('an existing folder keeps its mode', async (t) => {
  const data = join(await folder(t), 'data')
  await mkdir(data)
  await chmod(data, 0o750)
  const db = await open({ file: join(data, 'flynn.db') })
  t.after(() => db.close())
  assert.equal((await stat(data)).mode & 0o777, 0o750)
})

test('a file that is no database stops the start and stays unchanged', async (t) => {
  const file = join(await folder(t), 'flynn.db')
  await writeFile(file, 'this is a letter to my aunt, not a database\n'.repeat(50))
  await assert.rejects(open({ file }), (error: Error) => {
    assert.equal(error.message, `cannot open the database ${file}: file is not a database`)
    return true
  })
  assert.match(await readFile(file, 'utf8'), /^this is a letter/)
})

test('a database locked by another process is not ready until unlocked', async (t) => {
  const file = join(await folder(t), 'flynn.db')
  const db = await open({ file })
  t.after(() => db.close())
  const other = new Driver(file)
  t.after(() => other.close())
  other.exec('BEGIN IMMEDIATE')
  await assert.rejects(db.ready(), /locked/)
  other.exec('COMMIT')
  await db.ready()
})

test('an acknowledged message survives kill -9', async (t) => {
  const file = join(await folder(t), 'flynn.db')
  const program = `
    const { open } = await import(${JSON.stringify(new URL('../../db/client.ts', import.meta.url).href)})
    const db = await open({ file: ${JSON.stringify(file)} })
    await db.sessions.open('ws:a', 1)
    for (let n = 0; ; n++) {
      await db.messages.append({ sessionId: 'ws:a', runId: 'r', role: 'user', content: String(n), createdAt: n })
      process.stdout.write(n + '\\n')
      await new Promise(setImmediate)
    }`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  let acknowledged = -1
  child.stdout.setEncoding('utf8')
  child.stdout.on('data', (text: string) => {
    acknowledged = Number(text.trimEnd().split('\n').at(-1))
    if (acknowledged > 50) child.kill('SIGKILL')
  })
  const [, signal] = await once(child, 'close')
  assert.equal(signal, 'SIGKILL')

  const db = await open({ file })
  t.after(() => db.close())
  const rows = await db.messages.history('ws:a')
  assert.deepEqual(
    rows.map(({ content }) => content),
    rows.map((_, n) => String(n))
  )
  assert.ok(rows.length > acknowledged)
  assert.equal((await db.sessions.get('ws:a'))?.messageCount, rows.length)
})

test('the migrations create exactly the schema', async () => {
  const { entries } = JSON.parse(await readFile(join(MIGRATIONS, 'meta/_journal.json'), 'utf8'))
  const newest = String(entries.at(-1).idx).padStart(4, '0')
  const migrated = JSON.parse(await readFile(join(MIGRATIONS, `meta/${newest}_snapshot.json`), 'utf8'))
  const wanted = await generateSQLiteDrizzleJson(schema as unknown as Record<string, unknown>, migrated.id)
  assert.deepEqual(await generateSQLiteMigration(migrated, wanted), [])
})

test('a migration that recreates a table keeps the rows that refer to it', async (t) => {
  const home = await folder(t)
  const [file, migrations] = [join(home, 'flynn.db'), join(home, 'migrations')]
  const db = await open({ file })
  await db.sessions.open('ws:a', 1)
  await db.messages.append({ sessionId: 'ws:a', runId: 'r', role: 'user', content: 'Hello', createdAt: 2 })
  await db.close()

  await cp(MIGRATIONS, migrations, { recursive: true })
  const journal = JSON.parse(await readFile(join(migrations, 'meta/_journal.json'), 'utf8'))
  const last = journal.entries.at(-1)
  journal.entries.push({ ...last, idx: last.idx + 1, when: last.when + 1, tag: '9999_anew' })
  await writeFile(join(migrations, 'meta/_journal.json'), JSON.stringify(journal))
  await writeFile(
    join(migrations, '9999_anew.sql'),
    [
      'CREATE TABLE `__new_sessions` AS SELECT * FROM `sessions`;',
      'DROP TABLE `sessions`;',
      'ALTER TABLE `__new_sessions` RENAME TO `sessions`;',
      'CREATE UNIQUE INDEX `sessions_id` ON `sessions` (`id`);'
    ].join('\n--> statement-breakpoint\n')
  )
  const connection = await connect(file, migrations)
  t.after(() => connection.close())
  const { query, schema } = connection
  assert.equal((await query.select().from(schema.sessions).execute()).length, 1)
  assert.equal((await query.select().from(schema.messages).execute()).length, 1)
})

test('an atomic call takes effect as a whole or not at all', async (t) => {
  const { query, schema, atomic, close } = await connect(':memory:')
  t.after(close)
  const { memory } = schema
  const row = { namespace: 'n', key: 'k', value: 'v', updatedAt: 1 }
  const twice = atomic((tx) => [tx.insert(memory).values(row), tx.insert(memory).values(row)])
  await assert.rejects(twice(), /UNIQUE/)
  assert.deepEqual(await query.select().from(memory).execute(), [])
})

test('an absent JSON value is NULL, not the text null', async (t) => {
  const connection = await connect(':memory:')
  t.after(() => connection.close())
  await sessionStore(connection).open('ws:a', 1)
  await messageStore(connection).append({ sessionId: 'ws:a', runId: 'r', role: 'user', content: 'Hello', createdAt: 2 })
  const { query, schema } = connection
  assert.equal((await query.select().from(schema.messages).where(isNull(schema.messages.parts)).execute()).length, 1)
})

test('the attachments of a session are removed with it', async (t) => {
  const connection = await connect(':memory:')
  t.after(() => connection.close())
  const [sessions, messages] = [sessionStore(connection), messageStore(connection)]
  const attachments = [{ mimeType: 'text/plain', data: 'eA==' }]
  for (const sessionId of ['ws:a', 'ws:b']) {
    await sessions.open(sessionId, 1)
    await messages.append({ sessionId, runId: 'r', role: 'user', content: '', createdAt: 2, attachments })
  }
  await sessions.remove('ws:a')
  const { query, schema } = connection
  const [{ id } = { id: 0 }] = await messages.history('ws:b')
  const left = await query.select().from(schema.attachments).execute()
  assert.deepEqual(
    left.map(({ messageId, data }) => [messageId, data.toString()]),
    [[id, 'x']]
  )
})

test('deleted text does not stay in the file', async (t) => {
  const file = join(await folder(t), 'flynn.db')
  const db = await open({ file })
  await db.sessions.open('ws:a', 1)
  for (let n = 0; n < 50; n++) {
    await db.messages.append({
      sessionId: 'ws:a',
      runId: 'r',
      role: 'user',
      content: `confidential ${'x'.repeat(n * 100)}`,
      createdAt: n
    })
  }
  await db.close()
  assert.ok((await readFile(file)).includes('confidential'))
  const again = await open({ file })
  await again.sessions.remove('ws:a')
  while (await again.search.compact());
  await again.close()
  assert.ok(!(await readFile(file)).includes('confidential'))
})

test('frequent queries use an index', async (t) => {
  const file = join(await folder(t), 'flynn.db')
  await (await open({ file })).close()
  const client = new Driver(file)
  t.after(() => client.close())
  const plan = (sql: string) =>
    client
      .prepare(`explain query plan ${sql}`)
      .all()
      .map((row) => (row as { detail: string }).detail)
      .join('; ')
  const order = 'order by last_message_at desc nulls last, created_at desc, id desc limit 50'
  assert.match(plan(`select * from sessions ${order}`), /^SCAN sessions USING INDEX sessions_recent$/)
  assert.match(
    plan(`select * from sessions where frontend = 'ws' ${order}`),
    /^SEARCH sessions USING INDEX sessions_frontend_recent \(frontend=\?\)$/
  )
  assert.match(
    plan("select * from messages where session_id = 'ws:a' order by id"),
    /^SEARCH messages USING INDEX messages_session/
  )
  assert.match(
    plan(
      "select a.bytes from attachments a join messages m on m.id = a.message_id where m.session_id = 'ws:a' order by a.message_id, a.position"
    ),
    /^SEARCH m USING COVERING INDEX messages_session \(session_id=\?\); SEARCH a USING INDEX \S+ \(message_id=\?\)/
  )
  assert.match(plan("delete from runs where session_id = 'ws:a'"), /INDEX runs_session/)
  const newest = 'order by created_at desc, id desc limit 50'
  assert.match(plan(`select * from runs where (created_at, id) < (1, 'a') ${newest}`), /^SEARCH runs USING INDEX runs_recent/)
  assert.match(
    plan(`select * from runs where session_id = 'ws:a' ${newest}`),
    /^SEARCH runs USING INDEX runs_session \(session_id=\?\)$/
  )
  assert.match(
    plan(`select * from runs where status = 'failed' ${newest}`),
    /^SEARCH runs USING INDEX runs_status \(status=\?\)$/
  )
  assert.match(plan('select id from runs where ended_at < 1 limit 200'), /INDEX runs_ended/)
  assert.match(
    plan('select id from queue where ended_at is null order by seq'),
    /^SCAN queue USING (COVERING )?INDEX queue_unended$/
  )
  assert.match(
    plan('select id from queue where run_id = 1 order by seq limit 1'),
    /^SEARCH queue USING INDEX queue_run \(run_id=\?\)$/
  )
  assert.match(plan('delete from queue where ended_at < 1'), /INDEX queue_ended \(ended_at<\?\)/)
  assert.match(
    plan("delete from queue where session_id = 'ws:a' and ended_at is not null"),
    /^SEARCH queue USING INDEX queue_session \(session_id=\?\)$/
  )
  assert.match(
    plan('select id from queue where (session_id = 1 and owner = 1 and idempotency_key = 1) or (id = 1 and session_id = 1)'),
    /INDEX queue_key \(session_id=\? AND owner=\? AND idempotency_key=\?\).*INDEX queue_id \(id=\?\)/
  )
})

test('only one gateway may open a database', async (t) => {
  const file = join(await folder(t), 'flynn.db')
  const first = await open({ file })
  await assert.rejects(open({ file }), /cannot open the database .*flynn\.db: another gateway is using it/)
  await first.close()
  const second = await open({ file })
  await second.close()
})
