import { access, constants, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { databaseIn, postgresVersion } from '../../db/client.ts'
import type { Config } from '../../plugins/config/schema.ts'
import { type Finding, fail, pass, reasonOf, warn } from './finding.ts'

const OTHERS = 0o077

/** Checks that the data folder is writable, without changing it. */
export async function checkData({ dataDir }: Config): Promise<Finding> {
  try {
    const { mode } = await stat(dataDir)
    await access(dataDir, constants.W_OK | constants.X_OK)
    if ((mode & OTHERS) === 0) return pass('data', `${dataDir} can be written to`)
    return warn('data', `${dataDir} is open to other users of this machine`, `chmod 700 ${dataDir}`)
  } catch (error) {
    const code = reasonOf(error)
    if (code === 'ENOENT' && (await canBeMade(dataDir))) return pass('data', `${dataDir} will be created at the first start`)
    return fail('data', `${dataDir} cannot be written to: ${code}`, 'give it to the user of the gateway, or set another data_dir')
  }
}

async function canBeMade(folder: string): Promise<boolean> {
  const above = dirname(folder)
  try {
    await access(above, constants.W_OK | constants.X_OK)
    return true
  } catch (error) {
    return reasonOf(error) === 'ENOENT' && above !== folder && (await canBeMade(above))
  }
}

/** Opens a connection and reads one row. Changes nothing. */
async function checkPostgres(url: string): Promise<Finding> {
  try {
    const version = await postgresVersion(url)
    return pass('database', `PostgreSQL ${version} answers`)
  } catch (error) {
    return fail(
      'database',
      `PostgreSQL does not answer: ${(error as Error).message}`,
      'check database.url, and that the server runs'
    )
  }
}

const MAGIC = 'SQLite format 3\0'
/** Header offsets of the format versions; 2 is WAL (sqlite.org/fileformat.html, 1.3.3). */
const VERSIONS = { write: 18, read: 19, wal: 2 } as const

/**
 * Checks that the database is writable and in WAL mode. Only the header is read: SQLite would leave files beside it that belong to the
 * user of this command and not to the user of the gateway.
 */
export async function checkDatabase({ dataDir, database }: Config): Promise<Finding> {
  if (database.url !== undefined) return await checkPostgres(database.url)
  const file = databaseIn(dataDir)
  try {
    await access(file, constants.R_OK | constants.W_OK)
    const header = await beginningOf(file)
    if (header.length === 0) return pass('database', 'empty; the next start creates it')
    if (header.toString('latin1', 0, MAGIC.length) !== MAGIC) {
      return fail('database', `${file} is damaged`, 'stop the gateway, and restore a backup')
    }
    if (header[VERSIONS.write] === VERSIONS.wal && header[VERSIONS.read] === VERSIONS.wal) {
      return pass('database', 'can be written to, in WAL mode')
    }
    return warn('database', `${file} is not in WAL mode`, 'start the gateway: it sets the mode')
  } catch (error) {
    const code = reasonOf(error)
    if (code === 'ENOENT') return pass('database', 'the first start creates it')
    return fail('database', `${file} cannot be written to: ${code}`, 'give it to the user of the gateway')
  }
}

async function beginningOf(file: string): Promise<Buffer> {
  const handle = await open(file)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(100), 0, 100, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}
