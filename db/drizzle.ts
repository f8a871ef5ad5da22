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
  getTableName,
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
  not,
  or,
  sql,
  sum
} = require('drizzle-orm') as typeof import('drizzle-orm')

export const { blob, customType, index, integer, primaryKey, sqliteTable, text, uniqueIndex } =
  require('drizzle-orm/sqlite-core') as typeof import('drizzle-orm/sqlite-core')

function required(): typeof import('pg') {
  try {
    return require('pg')
  } catch (cause) {
    throw new Error("PostgreSQL needs the package 'pg', which is not installed: npm install pg", { cause })
  }
}

/** Tables and columns of PostgreSQL. Loaded when such a database is opened. */
export function pg() {
  return require('drizzle-orm/pg-core') as typeof import('drizzle-orm/pg-core')
}

/** PostgreSQL driver of drizzle-orm, with `pg`, which is an optional dependency. */
export function postgresDriver() {
  // First: the driver of drizzle-orm needs it, and would fail with less words.
  const { Client, types } = required()
  const { drizzle } = require('drizzle-orm/node-postgres') as typeof import('drizzle-orm/node-postgres')
  const { migrate } = require('drizzle-orm/node-postgres/migrator') as typeof import('drizzle-orm/node-postgres/migrator')
  return { drizzle, migrate, Client, types }
}

/** SQLite driver of drizzle-orm. Loaded when a database is opened. */
export function sqliteDriver() {
  const { drizzle } = require('drizzle-orm/better-sqlite3') as typeof import('drizzle-orm/better-sqlite3')
  const { migrate } = require('drizzle-orm/better-sqlite3/migrator') as typeof import('drizzle-orm/better-sqlite3/migrator')
  return { drizzle, migrate }
}
