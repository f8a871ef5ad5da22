import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** A new folder that is gone when the test is over. */
export async function folder(t: TestContext): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'flynn-db-'))
  t.after(() => rm(made, { recursive: true, force: true }))
  return made
}
