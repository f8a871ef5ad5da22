import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/**
 * drizzle-orm, loaded as CommonJS. Node reads the package.json of a package again for each of its ES modules. Here that is 180 kB read
 * 130 times: half a second and 170 MB at every start. CommonJS reads it once.
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

/** SQLite driver of drizzle-orm. Loaded when a database is opened. */
export function sqliteDriver() {
  const { drizzle } = require('drizzle-orm/better-sqlite3') as typeof import('drizzle-orm/better-sqlite3')
  const { migrate } = require('drizzle-orm/better-sqlite3/migrator') as typeof import('drizzle-orm/better-sqlite3/migrator')
  return { drizzle, migrate }
}
