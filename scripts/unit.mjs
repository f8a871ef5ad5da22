// Runs the tests: `npm run unit`, or `npm run unit -- FILES…` for some of them.
// Loading the gateway costs more than most test files do with it, so a process runs several neighbouring files, one after another.
import { spawn } from 'node:child_process'
import { globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** Files in one process, but for those at the top, which are long. More saves little and leaves a core idle at the end. */
const FILES = 5

const root = join(import.meta.dirname, '..')
const cache = join(root, 'node_modules', '.cache')
const folder = join(cache, 'tests')
const given = process.argv.slice(2)
const files = (given.length > 0 ? given : globSync('test/**/*.test.ts', { cwd: root })).sort()

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
const isLong = (file) => dirname(file) === 'test'
const neighbours = files.filter((file) => !isLong(file))
const groups = [
  ...files.filter(isLong).map((file) => [file]),
  ...Array.from({ length: Math.ceil(neighbours.length / FILES) }, (_, at) => neighbours.slice(at * FILES, (at + 1) * FILES))
].map((group, at) => {
  const entry = join(folder, `${String(at).padStart(3, '0')}.mjs`)
  writeFileSync(entry, group.map((file) => `import ${JSON.stringify(pathToFileURL(join(root, file)).href)}\n`).join(''))
  return entry
})

const args = ['--test', '--test-concurrency=4', '--test-timeout=120000', '--test-reporter=spec', ...groups]
const env = { ...process.env, NODE_COMPILE_CACHE: join(cache, 'compile') }
const tests = spawn(process.execPath, args, { cwd: root, env, stdio: 'inherit' })
tests.once('error', (error) => {
  throw error
})
tests.once('exit', (code, signal) => {
  process.exitCode = code ?? 1
  if (signal) process.stderr.write(`The tests were ended by ${signal}.\n`)
})
