import { mkdirSync } from 'node:fs'
import { open as openFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Database } from 'better-sqlite3'
import type { Atomic, Connection, Grouped, Preparable, Query } from './connection.ts'
import { sql, sqliteDriver } from './drizzle.ts'
import { fullTextOf } from './full-text.ts'
import { Group } from './group.ts'
import { QuietCheckpoints } from './quiet-checkpoints.ts'
import * as schema from './schema.sqlite.ts'
import { Stopwatch } from './stopwatch.ts'
import { Storage } from './storage.ts'

export const MIGRATIONS = fileURLToPath(new URL('db/migrations/sqlite', import.meta.resolve('#package.json')))

/** Time that a write waits for another process. The whole gateway waits with it, so it is short. */
const BUSY_MS = 2000
/** The write-ahead log grows during a long read; afterwards it is cut to this size. */
const LOG_BYTES = 64 * 1024 * 1024
/** Pages of the write-ahead log between two checkpoints, each of which waits for the disk. 16 MiB. */
const CHECKPOINT_PAGES = 4000
/** Time for which a successful readiness probe counts: anyone may ask, and each probe is a commit. */
const PROOF_MS = 1000
/** Bytes of a thorough readiness probe. */
const PROBE_BYTES = 256 * 1024
/** The same for a readiness probe, which comes every few seconds and must not hold the gateway for long. */
const PROBE_BUSY_MS = 100

/**
 * Opens `file` (`:memory:` for a database that ends with the connection) and migrates it to the newest schema. It holds private
 * conversations, so the file, and the folder if it has to be created, are readable by their owner alone.
 * @throws Error with the file and the reason; its code is `EBUSY` when another gateway uses the file
 */
export async function connect(file: string, migrations: string = MIGRATIONS): Promise<Connection> {
  const { default: Driver } = await import('better-sqlite3')
  const { drizzle, migrate } = sqliteDriver()
  let client: Database | undefined
  let claim: Database | undefined
  try {
    if (file !== ':memory:') {
      await makePrivate(file)
      claim = claimed(new Driver(`${file}.lock`, { timeout: 0 }))
    }
    client = new Driver(file, { timeout: BUSY_MS })
    client.pragma('journal_mode = WAL')
    // A commit survives the end of the process; only a power cut may take the newest ones, and never the file.
    client.pragma('synchronous = NORMAL')
    // Deleted text is overwritten with zeros, so that it does not stay in free pages.
    client.pragma('secure_delete = ON')
    client.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`)
    client.pragma(`journal_size_limit = ${LOG_BYTES}`)
    const query = drizzle(client)
    // SQLite changes a table by creating a new one. With foreign keys on, dropping the old one would delete the rows that refer to it.
    client.pragma('foreign_keys = OFF')
    migrate(query, { migrationsFolder: migrations })
    client.pragma('foreign_keys = ON')
    // The migrations are part of the file from the start, not only of its log.
    client.pragma('wal_checkpoint(TRUNCATE)')
    return connection(client, query, claim, new Storage(file))
  } catch (cause) {
    client?.close()
    claim?.close()
    const { message, code } = cause as NodeJS.ErrnoException
    throw Object.assign(new Error(`cannot open the database ${file}: ${message}`, { cause }), { code })
  }
}

/**
 * Claims the database for this gateway: a second one would take the runs of the first for those of a dead process. The claim is a lock of
 * the operating system on a file beside the database, so that it ends with its process, however that ends.
 */
function claimed(lock: Database): Database {
  try {
    lock.exec('begin exclusive')
    return lock
  } catch (cause) {
    lock.close()
    if ((cause as { code?: string }).code !== 'SQLITE_BUSY') throw cause
    throw Object.assign(new Error('another gateway is using it', { cause }), { code: 'EBUSY' })
  }
}

function connection(client: Database, query: Query, claim: Database | undefined, storage: Storage): Connection {
  const stopwatch = new Stopwatch()
  stopwatch.attach(client)
  const group = new Group(client, stopwatch, storage)
  const checkpoints = new QuietCheckpoints(client)
  let provenAt = Number.NEGATIVE_INFINITY
  const prepared = (build: (query: Query) => readonly Preparable[]) => {
    const statements = build(query).map((statement) => statement.prepare() as Prepared)
    return (values: Record<string, unknown>) => statements.map((it) => it.execute(values).sync())
  }
  const atomic: Atomic = (build) => {
    const run = client.transaction(prepared(build))
    return async (values = {}) => stopwatch.time('transaction', () => storage.watch(() => run(values))) as never
  }
  const grouped: Grouped = (build) => {
    const run = prepared(build)
    return (sets) => group.add(() => sets.map(run)) as never
  }
  return {
    query,
    schema,
    atomic,
    grouped,
    oneOf: (column, values) => sql`${column} in (select value from json_each(${JSON.stringify(values)}))`,
    texts: (array) => sql`json_each(${array})`,
    contains: (column, text) => sql`instr(lower(${column}), lower(${text})) > 0`,
    nextId: () => sql`null`,
    patched: (object, changes) => sql`json_patch(${object}, ${changes})`,
    without: (object, member) => sql`json_remove(${object}, '$.' || ${member})`,
    fullText: fullTextOf(client),
    onTime: (listener) => stopwatch.listen(listener),
    async probe() {
      storage.assertSameFile()
      await storage.assertSpace()
      if (client.open && !storage.failing && performance.now() - provenAt < PROOF_MS) return
      client.pragma(`busy_timeout = ${PROBE_BUSY_MS}`)
      try {
        // The number has no meaning, but writing it is a complete commit: the lock, and a page in the log.
        client.pragma('user_version = 0')
        if (storage.failing) storage.watch(() => writeMuch(client))
        provenAt = performance.now()
      } finally {
        client.pragma(`busy_timeout = ${BUSY_MS}`)
      }
    },
    assertSameFile: () => storage.assertSameFile(),
    async close() {
      if (!client.open) return
      checkpoints.stop()
      group.flush()
      client.pragma('optimize')
      client.close()
      claim?.close()
    }
  }
}

/** Writes as much as a large message takes, after a failed write: the one page of a probe may still fit where a message does not. */
function writeMuch(client: Database): void {
  client.exec('create table if not exists probe (data blob)')
  client.exec(`insert into probe values (zeroblob(${PROBE_BYTES}))`)
  client.exec('drop table probe')
}

/** SQLite's prepared statements return at once, so that they can share a transaction. */
interface Prepared {
  execute(values: Record<string, unknown>): PromiseLike<unknown> & { sync(): unknown }
}

/** Creates the file with its final mode, which SQLite copies to the log and the index beside it. */
async function makePrivate(file: string): Promise<void> {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  await (await openFile(file, 'a', 0o600)).close()
}
