import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import test, { type TestContext } from 'node:test'
import { projectFiles } from '../../../plugins/docker/project-files.ts'

/** Names of the project's files in a folder that holds `files`, for the configured name. */
async function found(t: TestContext, files: Record<string, string>, configured: string, env = {}): Promise<string[]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'flynn-compose-'))
  t.after(() => rm(folder, { recursive: true }))
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), text)
  return (await projectFiles(path.join(folder, configured), env)).map((file) => path.relative(folder, file))
}

const FILE = 'docker-compose.yml'

test('the override beside the file belongs to the project', async (t) => {
  assert.deepEqual(await found(t, { [FILE]: '', 'docker-compose.override.yml': '' }, FILE), [FILE, 'docker-compose.override.yml'])
  assert.deepEqual(await found(t, { [FILE]: '', 'compose.override.yaml': '' }, FILE), [FILE])
})

test('another name that Docker knows is found where the configured one is missing', async (t) => {
  const files = { 'compose.yaml': '', 'compose.override.yaml': '' }
  assert.deepEqual(await found(t, files, FILE), ['compose.yaml', 'compose.override.yaml'])
  assert.deepEqual(await found(t, {}, FILE), [])
})

test('COMPOSE_FILE of the environment or of .env lists the files', async (t) => {
  const files = { [FILE]: '', 'prod.yml': '', '.env': `A=1\nCOMPOSE_FILE="${FILE}:prod.yml"\n` }
  assert.deepEqual(await found(t, files, FILE), [FILE, 'prod.yml'])
  assert.deepEqual(await found(t, files, FILE, { COMPOSE_FILE: FILE }), [FILE])
  assert.deepEqual(await found(t, files, FILE, { COMPOSE_FILE: 'elsewhere/other.yml' }), [FILE])
})

test('COMPOSE_PATH_SEPARATOR separates the files', async (t) => {
  const files = { [FILE]: '', 'b.yml': '', '.env': `COMPOSE_PATH_SEPARATOR=,\nCOMPOSE_FILE=${FILE},b.yml\n` }
  assert.deepEqual(await found(t, files, FILE), [FILE, 'b.yml'])
})
