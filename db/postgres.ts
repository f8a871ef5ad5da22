import { fileURLToPath } from 'node:url'
import type { Column } from 'drizzle-orm'
import { type Atomic, type Connection, type Grouped, type Preparable, type Query, SEARCHED } from './connection.ts'
import { getTableName, postgresDriver, sql } from './drizzle.ts'
import { type Channel, Session } from './postgres-session.ts'
import { Stopwatch } from './stopwatch.ts'

export const MIGRATIONS = fileURLToPath(new URL('db/migrations/postgres', import.meta.resolve('#package.json')))

interface Prepared {
  execute(values: Record<string, unknown>): Promise<unknown>
}

interface Call {
  readonly run: () => Promise<unknown>
  readonly resolve: (result: never) => void
  readonly reject: (error: unknown) => void
}

/**
 * Opens the database at `url` and migrates it to the newest schema.
 * @throws Error with the reason and without the password; its code is `EBUSY` when another gateway uses the database
 */
export async function connect(url: string): Promise<Connection> {
  const { schema } = await import('./schema.postgres.ts')
  const { drizzle, migrate } = postgresDriver()
  const place = shown(url)
  const session = new Session(url)
  const stopwatch = new Stopwatch()
  try {
    await session.run(async (channel) => {
      await migrate(drizzle({ client: channel as never }), { migrationsFolder: MIGRATIONS })
    })
  } catch (cause) {
    await session.close()
    const { message, code } = unwrapped(cause) as NodeJS.ErrnoException
    throw Object.assign(new Error(`cannot open the database ${place}: ${message}`, { cause }), { code })
  }

  /** Builder whose statements are jobs of their own. */
  const query = builder({
    query: (config, params) => stopwatch.timeAsync('statement', () => session.run((own) => own.query(config, params)))
  })
  /** Channel of the transaction that runs. Its statements go straight to the connection, which no other job has in the meantime. */
  let current: Channel | undefined
  const inner = builder({ query: (config, params) => stopwatch.timeAsync('statement', () => current!.query(config, params)) })
  const transaction = <T>(job: () => Promise<T>): Promise<T> =>
    stopwatch.timeAsync('transaction', () =>
      session.transaction(async (channel) => {
        current = channel
        return await job()
      })
    )

  const prepared = (build: (query: Query) => readonly Preparable[]) => {
    const statements = build(inner).map((statement) => statement.prepare() as Prepared)
    return (values: Record<string, unknown>) => Promise.all(statements.map((statement) => statement.execute(values)))
  }
  const atomic: Atomic = (build) => {
    const run = prepared(build)
    return (values = {}) => transaction(() => run(values)) as never
  }

  let calls: Call[] = []
  let due: NodeJS.Immediate | undefined
  /** Commits the waiting calls together. If one of them fails, each is tried again by itself, so that only the faulty one is rejected. */
  const commit = async (calls: readonly Call[]): Promise<void> => {
    try {
      const results = await transaction(() => Promise.all(calls.map(({ run }) => run())))
      for (const [index, { resolve }] of calls.entries()) resolve(results[index] as never)
    } catch (error) {
      if (calls.length === 1) calls[0]?.reject(error)
      else await Promise.all(calls.map((call) => commit([call])))
    }
  }
  const flush = async (): Promise<void> => {
    clearImmediate(due)
    due = undefined
    const waiting = calls
    calls = []
    if (waiting.length > 0) await commit(waiting)
  }
  const grouped: Grouped = (build) => {
    const run = prepared(build)
    return (sets) => {
      const { promise, resolve, reject } = Promise.withResolvers()
      due ??= setImmediate(() => void flush())
      calls.push({ run: () => Promise.all(sets.map(run)), resolve, reject })
      return promise as never
    }
  }

  return {
    query,
    schema,
    atomic,
    grouped,
    oneOf: (column, values) => sql`${column} in (select json_array_elements_text(${JSON.stringify(values)}::json))`,
    texts: (array) => sql`json_array_elements_text(${array}::json) as texts(value)`,
    contains: (column, text) => sql`strpos(lower(${column}), lower(${text} collate "C")) > 0`,
    nextId: (column) => sql`nextval(pg_get_serial_sequence(${getTableName((column as Column).table)}, 'id'))`,
    patched: (object, changes) => sql`flynn_json_patch(${object}::jsonb, ${changes}::jsonb)::text`,
    without: (object, member) => sql`(${object}::jsonb - ${member}::text)::text`,
    fullText: {
      ids: (words, before, most) => {
        const wanted = words.map((word) => `'${word}':*`).join(' & ')
        const { messages } = schema
        return sql`(select ${messages.id} from ${messages} where ${messages.role} <> 'tool'
          and to_tsvector('simple'::regconfig, left(${messages.content}, ${sql.raw(String(SEARCHED))})) @@ to_tsquery('simple'::regconfig, ${wanted})
          and ${messages.id} < ${before} order by ${messages.id} desc limit ${most})`
      },
      // Autovacuum does it.
      compact: async () => false
    },
    onTime: (listener) => stopwatch.listen(listener),
    // A transaction id is given out only where a commit can be written.
    probe: async () => void (await session.run((channel) => channel.query('select pg_current_xact_id()'))),
    assertSameFile() {},
    async close() {
      await flush()
      await session.close()
    }
  }
}

/** Query builder over a channel. Its types are those of SQLite, which are canonical. */
function builder(channel: Channel): Query {
  const { drizzle } = postgresDriver()
  const client = {
    // An error of the builder quotes the statement with its values, which may be private: the driver's own one does not.
    query: channel.query
  }
  const query = drizzle({ client: client as never })
  const session = (query as unknown as { session: { prepareQuery(...args: unknown[]): Prepared } }).session
  const prepareQuery = session.prepareQuery.bind(session)
  session.prepareQuery = (...args) => {
    const statement = prepareQuery(...args)
    const execute = statement.execute.bind(statement)
    statement.execute = async (values) => {
      try {
        return await execute(values)
      } catch (error) {
        throw unwrapped(error)
      }
    }
    return statement
  }
  return query as unknown as Query
}

function unwrapped(error: unknown): unknown {
  const { cause, name } = error as Error
  return name === 'DrizzleQueryError' || (error as Error).message?.startsWith('Failed query') ? (cause ?? error) : error
}

function shown(url: string): string {
  const { host, pathname } = new URL(url)
  return `${host}${pathname}`
}
