import { randomUUID } from 'node:crypto'
import type { Connection } from '../connection.ts'
import { and, asc, count, eq, gt, lte, or, sql } from '../drizzle.ts'
import { PluginStoreError } from '../plugin-store-error.ts'
import type { JsonValue, PluginStore, PluginValueQuery } from '../types/plugin-values.ts'

const MAX_KEY = 256
const MAX_VALUE_BYTES = 256 * 1024
const MAX_VALUES = 10_000
const MAX_PAGE = 500
const PAGE = 100
/** Limit on the values of one page, so that listing large ones does not fill the memory. The first value is always returned. */
const PAGE_BYTES = 1024 * 1024
/** Lower-case words with hyphens, as plugins and packages are named, with an optional scope. */
const NAMESPACE = /^(?:@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*$/
const MAX_NAMESPACE = 128

/** Stores of plugins, by namespace. */
export function pluginStores(connection: Connection): (namespace: string) => PluginStore {
  const statements = prepare(connection)
  return (namespace) => {
    if (namespace.length > MAX_NAMESPACE || !NAMESPACE.test(namespace)) {
      throw new PluginStoreError(
        'invalid_namespace',
        `plugin name ${quoted(namespace)} must have 1 to ${MAX_NAMESPACE} lower-case letters, digits and . _ -, such as 'weather' or '@acme/weather'`
      )
    }
    return pluginStore(namespace, statements)
  }
}

function prepare({ query, schema: { pluginValues: table }, atomic }: Connection) {
  const placed = sql.placeholder
  const ofNamespace = eq(table.namespace, placed('namespace'))
  const one = and(ofNamespace, eq(table.key, placed('key')))
  const { key, value, revision, updatedAt } = table
  const newValues = {
    namespace: placed('namespace'),
    key: placed('key'),
    value: placed('value'),
    revision: placed('revision'),
    updatedAt: placed('now')
  }
  // Beyond the limit the value is a new one, because the limit never changes and a replaced value does not change the number.
  const refused = (tx: typeof query) =>
    tx
      .delete(table)
      .where(
        and(
          one,
          eq(revision, placed('revision')),
          gt(sql`(${tx.select({ n: count() }).from(table).where(ofNamespace)})`, MAX_VALUES)
        )
      )
      .returning({ key })

  const listed = and(
    ofNamespace,
    gt(key, placed('after')),
    // The first condition is a range of the index; the second one compares only keys of that range.
    sql`${key} >= ${placed('prefix')}`,
    sql`substr(${key}, 1, length(${placed('prefix')})) = ${placed('prefix')}`
  )
  const page = query.select({ key }).from(table).where(listed).orderBy(asc(key)).limit(placed('limit')).as('page')
  const measured = query
    .select({
      key: page.key,
      place: sql<number>`row_number() over (order by ${page.key})`.as('place'),
      /** Sum from the first value of the page to this one. */
      bytes: sql<number>`sum(octet_length(${value})) over (order by ${page.key})`.as('bytes')
    })
    .from(page)
    .innerJoin(table, and(ofNamespace, eq(key, page.key)))
    .as('measured')
  const fitting = query
    .select({ key: measured.key })
    .from(measured)
    .where(or(eq(measured.place, 1), lte(measured.bytes, PAGE_BYTES)))

  return {
    find: query.select({ key, value, revision, updatedAt }).from(table).where(one).prepare(),
    drop: query.delete(table).where(one).returning({ key }).prepare(),
    write: atomic((tx) => [
      tx
        .insert(table)
        .values(newValues)
        .onConflictDoUpdate({
          target: [table.namespace, key],
          set: { value: sql`excluded.value`, revision: sql`excluded.revision`, updatedAt: sql`excluded.updated_at` }
        }),
      refused(tx)
    ]),
    create: atomic((tx) => [tx.insert(table).values(newValues).onConflictDoNothing().returning({ revision }), refused(tx)]),
    replace: query
      .update(table)
      .set({
        value: sql`${placed('value')}`,
        revision: sql`${placed('revision')}`,
        updatedAt: sql`${placed('now')}`
      })
      .where(and(one, eq(revision, placed('expected'))))
      .returning({ revision })
      .prepare(),
    page: query
      .select({ key, value, revision, updatedAt })
      .from(table)
      .where(and(ofNamespace, sql`${key} in (${fitting})`))
      .orderBy(asc(key))
      .prepare(),
    next: query.select({ key }).from(table).where(listed).limit(1).prepare()
  }
}

function pluginStore(namespace: string, statements: ReturnType<typeof prepare>): PluginStore {
  const written = (key: string, value: JsonValue) => {
    checkKey(key)
    return { namespace, key, value: jsonOf(key, value), revision: randomUUID(), now: Date.now() }
  }
  const tooMany = () =>
    new PluginStoreError(
      'too_many_values',
      `plugin '${namespace}' has ${MAX_VALUES} values, the maximum. Delete some of them first.`
    )

  return {
    async get(key) {
      checkKey(key)
      const [row] = await statements.find.execute({ namespace, key })
      return row && parsed(row)
    },

    async set(key, value) {
      const row = written(key, value)
      const [, refused] = await statements.write(row)
      if (refused.length > 0) throw tooMany()
      return row.revision
    },

    async compareAndSet(key, value, revision) {
      const row = written(key, value)
      if (revision !== undefined) {
        const changed = await statements.replace.execute({ ...row, expected: revision })
        return changed.length > 0 ? row.revision : undefined
      }
      const [created, refused] = await statements.create(row)
      if (refused.length > 0) throw tooMany()
      return created.length > 0 ? row.revision : undefined
    },

    async delete(key) {
      checkKey(key)
      return (await statements.drop.execute({ namespace, key })).length > 0
    },

    async list({ prefix = '', after = '', limit = PAGE }: PluginValueQuery = {}) {
      if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE) {
        throw new PluginStoreError('invalid_query', `limit must be an integer from 1 to ${MAX_PAGE}, got ${limit}`)
      }
      const rows = await statements.page.execute({ namespace, prefix, after, limit })
      const last = rows.at(-1)?.key
      const more = last === undefined ? [] : await statements.next.execute({ namespace, prefix, after: last })
      return { values: rows.map(parsed), ...(more.length > 0 ? { next: last } : {}) }
    }
  }
}

function parsed<T extends { readonly value: string }>(row: T): Omit<T, 'value'> & { value: JsonValue } {
  return { ...row, value: JSON.parse(row.value) }
}

function checkKey(key: string): void {
  // Half of a surrogate pair has no form in UTF-8, so two such keys would be stored as one.
  if (key.length >= 1 && key.length <= MAX_KEY && !/\p{Cc}/u.test(key) && key.isWellFormed()) return
  throw new PluginStoreError('invalid_key', `key ${quoted(key)} must have 1 to ${MAX_KEY} characters, without control characters`)
}

function jsonOf(key: string, value: JsonValue): string {
  const text: string | undefined = JSON.stringify(value)
  if (text === undefined) {
    throw new PluginStoreError('invalid_value', `value of ${quoted(key)} must be JSON, got ${typeof value}`)
  }
  const bytes = Buffer.byteLength(text)
  if (bytes > MAX_VALUE_BYTES) {
    throw new PluginStoreError(
      'value_too_large',
      `value of ${quoted(key)} has ${bytes} bytes as JSON, the maximum is ${MAX_VALUE_BYTES}`
    )
  }
  return text
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, MAX_KEY))
}
