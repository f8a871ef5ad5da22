import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/**
 * drizzle-orm, taken as CommonJS. Its package.json has 180 kB, and Node reads the one of a package again for each of its
 * ES modules: 130 times here, half a second and 170 MB at every start. CommonJS is read once.
 */
export const {
  and,
  asc,
  count,
  desc,
  eq,
  getTableColumns,
  gt,
  gte,
  inArray,
  isNotNull,
  isNull,
  lt,
  lte,
  max,
  min,
  ne,
  or,
  sql,
  sum
} = require('drizzle-orm') as typeof import('drizzle-orm')

export const { blob, customType, index, integer, primaryKey, sqliteTable, text, uniqueIndex } =
  require('drizzle-orm/sqlite-core') as typeof import('drizzle-orm/sqlite-core')

/** The driver, with better-sqlite3 and all: loaded when a database is opened. */
export function sqliteDriver() {
  const { drizzle } = require('drizzle-orm/better-sqlite3') as typeof import('drizzle-orm/better-sqlite3')
  const { migrate } = require('drizzle-orm/better-sqlite3/migrator') as typeof import('drizzle-orm/better-sqlite3/migrator')
  return { drizzle, migrate }
}
