import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { backupFile } from '../db/backup.ts'
import { databaseIn } from '../db/client.ts'
import { loadConfig } from '../plugins/config/parse/load.ts'
import { EXIT } from './exit.ts'
import { print } from './output.ts'

/** Copies the database of a gateway, also while it runs, and prints the path of the copy. */
export async function backup(
  given: string | undefined,
  flags: { readonly config?: string },
  env: NodeJS.ProcessEnv
): Promise<number> {
  const { dataDir, database } = await loadConfig({ file: flags.config, env })
  if (database.url !== undefined) {
    throw new Error('backup copies SQLite databases; back up the PostgreSQL database of database.url with pg_dump')
  }
  const target = await targetOf(given ?? join(dataDir, 'backups'), given === undefined)
  await backupFile(databaseIn(dataDir), target)
  print(target)
  return EXIT.ok
}

/** Path of the backup; in a folder its name is the time. */
async function targetOf(given: string, folder: boolean): Promise<string> {
  const path = resolve(given)
  if (!folder && !(await stat(path).catch(() => undefined))?.isDirectory()) return path
  const time = new Date().toISOString().replace(/\.\d+/, '').replaceAll(':', '-')
  return join(path, `flynn-${time}.db`)
}
