import type { SQL, SQLWrapper } from 'drizzle-orm'
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3'
import type { Schema } from './schema.ts'
import type { TimeListener } from './types/index.ts'

/** Query builder. The types of SQLite are canonical; another dialect is cast to them where it connects. */
export type Query = BetterSQLite3Database<Record<string, never>>
export type { Schema }

export interface Preparable {
  prepare(): { execute(values?: Record<string, unknown>): PromiseLike<unknown> }
}

type Results<T extends readonly Preparable[]> = {
  -readonly [I in keyof T]: Awaited<ReturnType<ReturnType<T[I]['prepare']>['execute']>>
}

/**
 * Several statements in one transaction: all of them take effect, or none. They are prepared once; each call gives the values of their
 * placeholders. A statement cannot use the result of an earlier one, so that every dialect can do this. Statements that write come
 * first: a transaction that reads and then writes may fail because another process wrote in between.
 */
export type Atomic = <const T extends readonly Preparable[]>(
  build: (query: Query) => T
) => (values?: Record<string, unknown>) => Promise<Results<T>>

/**
 * The same for small and frequent changes: all calls of one turn of the event loop are committed together. A call that fails has no
 * effect and does not affect the others. Each call gives any number of sets of values; the statements run once for each set, in order,
 * and all of that takes effect or nothing. Ungrouped calls of the same turn take effect before.
 */
export type Grouped = <const T extends readonly Preparable[]>(
  build: (query: Query) => T
) => (sets: readonly Record<string, unknown>[]) => Promise<Results<T>[]>

/** Characters of a message that are searched. The migrations have the same number. */
export const SEARCHED = 32_768

/** Full-text index of the messages of users and assistants. The database itself keeps it. */
export interface FullText {
  /** Subquery: ids of the newest messages before `before` that have a word with each of these beginnings, at most `most`, newest first. */
  ids(words: readonly string[], before: number, most: number): SQL
  /** One step of removing deleted words from the storage of the index. `false`: none is left. */
  compact(): Promise<boolean>
}

/** One open database, as the stores see it. */
export interface Connection {
  readonly query: Query
  readonly schema: Schema
  readonly atomic: Atomic
  readonly grouped: Grouped
  /** Condition that `column` is one of `values`. Any number of them is one parameter. */
  oneOf(column: SQLWrapper, values: readonly string[]): SQL
  /** Texts of a JSON array as a table with the column `value`. No rows for null. */
  texts(array: SQLWrapper): SQL
  /** A JSON object merged with the members of another one, which win. Objects inside are merged in the same way. */
  patched(object: SQLWrapper, changes: SQLWrapper): SQL
  /** Condition that `column` contains `text`, whatever the case of a to z. */
  contains(column: SQLWrapper, text: string): SQL
  /** Value of a primary key for `insert … select`, which has to name every column. */
  nextId(column: SQLWrapper): SQL
  /** A JSON object without one member. */
  without(object: SQLWrapper, member: SQLWrapper): SQL
  readonly fullText: FullText
  /** Reports the time that each statement and transaction takes. One listener at a time. */
  onTime(listener: TimeListener): void
  /** Rejects when nothing can be stored: disk full, read-only, locked, closed, the file deleted or replaced. Costs a small commit. */
  probe(): Promise<void>
  /** Throws when the database file was deleted or replaced. Writes nothing. */
  assertSameFile(): void
  /** Commits waiting grouped calls first. */
  close(): Promise<void>
}
