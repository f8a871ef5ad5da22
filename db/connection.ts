import type { SQL, SQLWrapper } from 'drizzle-orm'
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3'
import type * as schema from './schema.sqlite.ts'

/** The query builder. SQLite's types are the canonical ones; another dialect is cast to them where it connects. */
export type Query = BetterSQLite3Database<Record<string, never>>
export type Schema = typeof schema

interface Preparable {
  prepare(): { execute(values?: Record<string, unknown>): PromiseLike<unknown> }
}

type Results<T extends readonly Preparable[]> = {
  -readonly [I in keyof T]: Awaited<ReturnType<ReturnType<T[I]['prepare']>['execute']>>
}

/**
 * Several statements in one transaction: all of them take effect, or none. They are prepared once; each call gives the
 * values of their placeholders. A statement cannot use the result of an earlier one, which is why every dialect can do
 * this. What writes comes first: a transaction that reads and then writes may find that another process wrote between.
 */
export type Atomic = <const T extends readonly Preparable[]>(
  build: (query: Query) => T
) => (values?: Record<string, unknown>) => Promise<Results<T>>

/** One open database, as the stores see it. */
export interface Connection {
  readonly query: Query
  readonly schema: Schema
  readonly atomic: Atomic
  /** `column` is one of `values`; any number of them, as one parameter. */
  oneOf(column: SQLWrapper, values: readonly string[]): SQL
  /** Writes a little and throws if that fails: disk full, read-only, locked, closed. */
  probe(): void
  close(): void
}
