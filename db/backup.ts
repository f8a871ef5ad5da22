import { randomUUID } from 'node:crypto'
import { mkdir, open, realpath, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/**
 * Copies the current state of the database `source`, which another process may be writing to, checks the copy and moves it to `target`.
 * An older backup of that name stays until the new one is complete.
 * @throws Error that names the file at fault
 */
export async function backupFile(source: string, target: string): Promise<void> {
  const { default: Driver } = await import('better-sqlite3')
  const [from, to] = await Promise.all([source, target].map((file) => realpath(file).catch(() => undefined)))
  if (!from) throw new Error(`database ${source} does not exist`)
  if (from === to) throw new Error(`${target} is the database itself; name another file for its backup`)
  await place(target, async (file) => {
    const live = new Driver(from, { readonly: true })
    try {
      // In one step: a copy in several steps starts again whenever another process writes in between.
      await live.backup(file, { progress: () => Number.MAX_SAFE_INTEGER })
    } finally {
      live.close()
    }
    const made = new Driver(file)
    try {
      // Without the log beside it, the copy is one file that can be moved about.
      made.pragma('journal_mode = DELETE')
      const verdict = made.pragma('integrity_check', { simple: true })
      if (verdict !== 'ok') throw new Error(`the copy of ${source} is damaged, so the database itself may be: ${verdict}`)
    } finally {
      made.close()
    }
  })
}

/** Lets `write` fill a file that only the owner may read, and gives it its name once it is complete. */
async function place(target: string, write: (file: string) => Promise<void>): Promise<void> {
  const folder = dirname(target)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const file = join(folder, `.${basename(target)}.${randomUUID()}`)
  try {
    await (await open(file, 'wx', 0o600)).close()
    await write(file)
    await rename(file, target)
  } finally {
    await rm(file, { force: true })
  }
}
