import type { SQL, SQLWrapper } from 'drizzle-orm'
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3'
import type * as schema from './schema.sqlite.ts'
import type { TimeListener } from './stopwatch.ts'

/** The query builder. SQLite's types are the canonical ones; another dialect is cast to them where it connects. */
export type Query = BetterSQLite3Database<Record<string, never>>
export type Schema = typeof schema

export interface Preparable {
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

/**
 * The same for changes that are small and come in numbers: all calls of one turn of the event loop are committed together. One
 * that fails has no effect, and takes none of the others with it. Each call gives any number of sets of values; for each set, in
 * order, all the statements are run, and all of that takes effect or nothing. What the same turn does ungrouped comes before.
 */
export type Grouped = <const T extends readonly Preparable[]>(
  build: (query: Query) => T
) => (sets: readonly Record<string, unknown>[]) => Promise<Results<T>[]>

/** One open database, as the stores see it. */
export interface Connection {
  readonly query: Query
  readonly schema: Schema
  readonly atomic: Atomic
  readonly grouped: Grouped
  /** `column` is one of `values`; any number of them, as one parameter. */
  oneOf(column: SQLWrapper, values: readonly string[]): SQL
  /** The texts of a JSON array, or none where it is null: a table with the column `value`, to select from. */
  texts(array: SQLWrapper): SQL
  /** A JSON object with the members of another one, which win; objects inside are merged in the same way. */
  patched(object: SQLWrapper, changes: SQLWrapper): SQL
  /** A JSON object without one member. */
  without(object: SQLWrapper, member: SQLWrapper): SQL
  /** Who is told how long statements and transactions take; one at a time. */
  onTime(listener: TimeListener): void
  /** Writes a little and throws if that fails: disk full, read-only, locked, closed. */
  probe(): void
  /** What was grouped is committed first. */
  close(): void
}
