import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { generateDrizzleJson, generateMigration } from 'drizzle-kit/api'
import { getTableName } from 'drizzle-orm'
import pg from 'pg'
import { type Db, open } from '../../db/client.ts'
import { MIGRATIONS } from '../../db/postgres.ts'
import * as postgres from '../../db/schema.postgres.ts'
import { startPostgres } from '../postgres.ts'
import { analyticsContract } from './analytics.ts'
import { artifactsContract } from './artifacts.ts'
import { auditContract } from './audit.ts'
import { contextsContract } from './contexts.ts'
import { databaseContract } from './contract.ts'
import { nodesContract } from './nodes.ts'
import { outboxContract } from './outbox.ts'
import { pairingContract } from './pairing.ts'
import { pluginStoreContract } from './plugin-values.ts'
import { presenceContract } from './presence.ts'
import { queued } from './queue.ts'
import { runContract } from './runs.ts'
import { searchContract } from './search.ts'
import { sessionListContract } from './session-lists.ts'
import { subscriptionsContract } from './subscriptions.ts'

const server = await startPostgres()
const TRUNCATE = `truncate ${Object.values(postgres.schema)
  .map((table) => `"${getTableName(table)}"`)
  .join()} restart identity`
/** URLs of databases that are closed again: emptying one takes less time than creating one. */
const free: string[] = []
const urls = new WeakMap<Db, string>()

async function empty(t: TestContext): Promise<Db> {
  const used = free.pop()
  if (used) await server.admin(TRUNCATE, used)
  const url = used ?? (await server.create())
  const opened = await open({ url })
  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    closing ??= opened.close().then(() => void free.push(url))
    await closing
  }
  t.after(close)
  const db = { ...opened, close }
  urls.set(db, url)
  return db
}

for (const contract of [
  databaseContract,
  auditContract,
  contextsContract,
  nodesContract,
  outboxContract,
  pairingContract,
  presenceContract,
  runContract,
  searchContract,
  sessionListContract,
  subscriptionsContract
]) {
  contract('PostgreSQL', empty)
}
analyticsContract('PostgreSQL', empty, 40)
artifactsContract('PostgreSQL', empty, 10)
pluginStoreContract('PostgreSQL', empty, async (_store, db, namespace) => {
  const rows = `select '${namespace}', n::text, 'r' || n, 0, n::text from generate_series(0, 9999) n`
  await server.admin(`insert into plugin_values (namespace, key, revision, updated_at, value) ${rows}`, urls.get(db))
})

test('the migrations for PostgreSQL create exactly the schema', async () => {
  const { entries } = JSON.parse(await readFile(join(MIGRATIONS, 'meta/_journal.json'), 'utf8'))
  const newest = String(entries.at(-1).idx).padStart(4, '0')
  const migrated = JSON.parse(await readFile(join(MIGRATIONS, `meta/${newest}_snapshot.json`), 'utf8'))
  const wanted = generateDrizzleJson({ ...postgres } as Record<string, unknown>, migrated.id)
  assert.deepEqual(await generateMigration(migrated, wanted), [])
})

test('a PostgreSQL database belongs to one gateway at a time and keeps its content', async (t) => {
  const url = await server.create()
  const first = await open({ url })
  await first.sessions.open('ws:a', 1)
  await assert.rejects(open({ url }), (error: NodeJS.ErrnoException) => {
    assert.equal(error.code, 'EBUSY')
    assert.match(error.message, /^cannot open the database 127\.0\.0\.1:\d+\/test\d+: another gateway is using it$/)
    return true
  })
  await first.close()
  const second = await open({ url })
  t.after(() => second.close())
  assert.equal((await second.sessions.get('ws:a'))?.createdAt, 1)
})

test('a lost connection fails the calls under way and is opened again by the next one', async (t) => {
  const db = await empty(t)
  await db.sessions.open('ws:a', 1)
  const url = urls.get(db)!
  const blocker = new pg.Client({ connectionString: url })
  await blocker.connect()
  await blocker.query('begin')
  await blocker.query('lock table sessions in access exclusive mode')
  const [waiting] = await Promise.allSettled([
    db.sessions.get('ws:a'),
    server.admin(
      `select pg_terminate_backend(pid, 10000) from pg_stat_activity where application_name = 'flynn-gateway' and datname = '${new URL(url).pathname.slice(1)}'`
    )
  ])
  assert.equal(waiting.status, 'rejected')
  await blocker.end()
  assert.equal((await db.sessions.get('ws:a'))?.id, 'ws:a')
  await db.queue.accept(queued('after'))
  await db.ready()
})

test('an error of a PostgreSQL database names neither a password nor a value', async (t) => {
  const closed = new URL(await server.create())
  closed.password = 'hunter2'
  closed.pathname = '/missing'
  await assert.rejects(open({ url: closed.href }), (error: Error) => {
    assert.match(error.message, /^cannot open the database 127\.0\.0\.1:\d+\/missing: database "missing" does not exist$/)
    return true
  })
  const db = await empty(t)
  const message = { sessionId: 'ws:none', runId: 'r', role: 'user', content: 'confidential', createdAt: 1 } as const
  await assert.rejects(db.messages.append(message), (error: Error) => {
    assert.match(error.message, /foreign key/)
    assert.ok(!error.message.includes('confidential'))
    return true
  })
})

test('texts with characters that PostgreSQL does not store are kept without them', async (t) => {
  const db = await empty(t)
  await db.sessions.open('ws:a', 1)
  const parts = { toolCalls: [{ callId: 'c', tool: 'a\u0000b', args: { text: '\u0000' } }] }
  await db.messages.append({ sessionId: 'ws:a', runId: 'r', role: 'assistant', content: 'a\u0000b', parts, createdAt: 1 })
  const [row] = await db.messages.history('ws:a')
  assert.equal(row?.content, 'a\ufffdb')
  assert.equal(row?.parts?.toolCalls?.[0]?.callId, 'c')
  await db.sessions.remove('ws:a')
})

test('a SQLite database loads no part of PostgreSQL', async () => {
  const { execFile } = await import('node:child_process')
  const { promisify } = await import('node:util')
  const program = `
    const { open } = await import(${JSON.stringify(import.meta.resolve('../../db/client.ts'))})
    await (await open({ file: ':memory:' })).close()
    const { createRequire } = await import('node:module')
    const { cache } = createRequire(import.meta.url)
    console.log(Object.keys(cache).filter((file) => /node_modules\\/(pg|pg-[a-z]+|drizzle-orm\\/node-postgres)\\//.test(file)).length)`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program])
  assert.equal(stdout, '0\n')
})
