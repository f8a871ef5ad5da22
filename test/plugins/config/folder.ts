import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** A folder of its own for one test, with these files in it. */
export async function folder(t: Pick<TestContext, 'after'>, files: Record<string, string> = {}): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'flynn-config-'))
  t.after(() => rm(path, { recursive: true, force: true }))
  for (const [name, content] of Object.entries(files)) await writeFile(join(path, name), content)
  return path
}
