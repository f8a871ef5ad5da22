import { stat, writeFile } from 'node:fs/promises'

export async function fileExists(file: string): Promise<boolean> {
  return await stat(file).then(
    () => true,
    () => false
  )
}

/** Writes a file unless there is one, for its owner alone; answers whether it did. */
export async function writeNew(file: string, content: string): Promise<boolean> {
  try {
    await writeFile(file, content, { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}
