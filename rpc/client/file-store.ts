import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Store } from './store.ts'

/** Keeps texts as files in a folder, one a key, each replaced as a whole. For Node, Deno and Bun; the folder is created on first use. */
export function fileStore(folder: string): Store {
  const fileOf = (key: string): string => path.join(folder, encodeURIComponent(key))
  let writes = 0
  return {
    async get(key) {
      try {
        return await readFile(fileOf(key), 'utf8')
      } catch (error) {
        if (isMissing(error)) return undefined
        throw error
      }
    },
    async set(key, value) {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      // Renamed when complete: a process that is killed leaves the old file or the new one.
      const half = `${fileOf(key)}.${process.pid}.${++writes}~`
      await writeFile(half, value, { mode: 0o600 })
      await rename(half, fileOf(key))
    },
    delete: (key) => rm(fileOf(key), { force: true }),
    async keys(prefix) {
      const names = await readdir(folder).catch((error: unknown) => {
        if (isMissing(error)) return []
        throw error
      })
      return names
        .filter((name) => !name.endsWith('~'))
        .map((name) => decodeURIComponent(name))
        .filter((key) => key.startsWith(prefix))
    }
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT'
}
