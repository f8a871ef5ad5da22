// Copies the database of a gateway that runs by itself, while it runs: npm run backup -- [file or folder]
// Where the database is, it learns from the same file and environment as the gateway.
import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { backupFile } from '../db/backup.ts'
import { databaseIn } from '../db/client.ts'
import { loadConfig } from '../plugins/config/load.ts'

try {
  const [given, ...rest] = process.argv.slice(2)
  if (rest.length > 0 || given?.startsWith('-')) throw new Error('usage: npm run backup -- [file or folder]')
  const { dataDir } = await loadConfig({ env: process.env })
  const target = await targetOf(given ?? join(dataDir, 'backups'), given === undefined)
  await backupFile(databaseIn(dataDir), target)
  process.stdout.write(`${target}\n`)
} catch (error) {
  process.stderr.write(`backup: ${(error as Error).message}\n`)
  process.exitCode = 1
}

/** In a folder, a backup is called by the time it was made. */
async function targetOf(given: string, folder: boolean): Promise<string> {
  const path = resolve(given)
  if (!folder && !(await stat(path).catch(() => undefined))?.isDirectory()) return path
  const time = new Date().toISOString().replace(/\.\d+/, '').replaceAll(':', '-')
  return join(path, `flynn-${time}.db`)
}
