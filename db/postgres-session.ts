import { createHash } from 'node:crypto'
import type { Client, CustomTypesConfig, QueryConfig, QueryResult } from 'pg'
import { postgresDriver } from './drizzle.ts'

/** First key of the advisory lock that claims a database for one gateway. The second one stands for the schema. */
const CLAIM = 0x666c796e
/** Time that a connection attempt may take. */
const CONNECT_MS = 10_000
/** Time without an answer after which TCP asks whether the server is alive. */
const KEEPALIVE_MS = 2000
/** Statements of which the server keeps the plan. Further ones, such as those built for one call, are planned each time. */
const MAX_PLANS = 300
/** int8 and numeric: counts and sums, which are exact up to 53 bits. */
const NUMBERS: ReadonlySet<number> = new Set([20, 1700])

/** Runs a query on the connection of a session. */
export interface Channel {
  query(config: QueryConfig | string, params?: unknown[]): Promise<QueryResult>
}

/**
 * One connection to PostgreSQL that runs jobs one after the other, in the order of the calls. A lost connection is opened again by the next
 * job; the jobs under way fail, because it is unknown whether they took effect.
 */
export class Session {
  readonly #url: string
  readonly #plans = new Map<string, string>()
  readonly #types: CustomTypesConfig
  #client: Client | undefined
  #last: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(url: string) {
    this.#url = url
    const { types } = postgresDriver()
    this.#types = { getTypeParser: (oid, format) => (NUMBERS.has(oid) ? Number : types.getTypeParser(oid, format as 'text')) }
  }

  /** Runs a job once all earlier ones have ended. The job has the connection for itself. */
  run<T>(job: (channel: Channel) => Promise<T>): Promise<T> {
    const result = this.#last.then(async () => {
      if (this.#closed) throw new Error('the database is closed')
      this.#client ??= await this.#connect()
      const client = this.#client
      return await job({ query: (config, params) => this.#query(client, config, params) })
    })
    this.#last = result.catch(() => {})
    return result
  }

  /** Runs all statements in one transaction: all of them take effect, or none. */
  transaction<T>(job: (channel: Channel) => Promise<T>): Promise<T> {
    return this.run(async (channel) => {
      // Sent together with the statements: the connection keeps the order.
      const begun = channel.query('begin')
      try {
        const [, result] = await Promise.all([begun, job(channel)])
        await channel.query('commit')
        return result
      } catch (error) {
        await channel.query('rollback').catch(() => {})
        throw error
      }
    })
  }

  /** Ends the connection after all jobs. */
  async close(): Promise<void> {
    const last = this.#last
    this.#last = last.then(() => {
      this.#closed = true
    })
    await this.#last
    await this.#client?.end().catch(() => {})
    this.#client = undefined
  }

  async #connect(): Promise<Client> {
    const client = newClient(this.#url)
    // The pending queries are rejected with it; without a listener the process would end.
    client.on('error', () => this.#lose(client))
    client.on('end', () => this.#lose(client))
    try {
      await client.connect()
      await this.#claim(client)
      return client
    } catch (error) {
      await client.end().catch(() => {})
      throw error
    }
  }

  #lose(client: Client): void {
    if (this.#client === client) this.#client = undefined
  }

  /** One gateway a database: a second one would take the runs of the first for those of a dead process. The lock ends with the connection. */
  async #claim(client: Client): Promise<void> {
    const { rows } = await client.query<{ taken: boolean }>(
      'select pg_try_advisory_lock($1, hashtext(current_schema())) as taken',
      [CLAIM]
    )
    if (!rows[0]?.taken) throw Object.assign(new Error('another gateway is using it'), { code: 'EBUSY' })
  }

  async #query(client: Client, config: QueryConfig | string, params: unknown[] = []): Promise<QueryResult> {
    if (typeof config === 'string') return await client.query(config, params)
    const name = this.#planOf(config.text)
    return await client.query({ ...config, ...(name === undefined ? {} : { name }), types: this.#types }, params.map(storable))
  }

  /** Name under which the server keeps the plan of a statement. */
  #planOf(text: string): string | undefined {
    const known = this.#plans.get(text)
    if (known !== undefined || this.#plans.size >= MAX_PLANS) return known
    const name = createHash('sha1').update(text).digest('hex')
    this.#plans.set(text, name)
    return name
  }
}

function newClient(url: string): Client {
  const { Client } = postgresDriver()
  return new Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEPALIVE_MS,
    application_name: 'flynn-gateway',
    // The statements of a transaction are sent together, without waiting for each answer.
    pipeline: true
  })
}

/** Version of the server. Claims nothing, so that it can be asked beside a running gateway. */
export async function versionOf(url: string): Promise<string> {
  const client = newClient(url)
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query<{ server_version: string }>('show server_version')
    return rows[0]!.server_version
  } finally {
    await client.end().catch(() => {})
  }
}

/** PostgreSQL has no NUL in its texts. */
function storable(value: unknown): unknown {
  return typeof value === 'string' && value.includes('\0') ? value.replaceAll('\0', '\ufffd') : value
}
