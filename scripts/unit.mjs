// Runs the tests: `npm run unit`, or `npm run unit -- FILES…` for some of them.
// Loading the gateway costs more than most test files do with it, so a process runs several neighbouring files, one after another.
import { spawn } from 'node:child_process'
import { globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** Files in one process. More saves little and leaves a core idle at the end. */
const FILES = 5

const root = join(import.meta.dirname, '..')
const cache = join(root, 'node_modules', '.cache')
const folder = join(cache, 'tests')
const given = process.argv.slice(2)
const files = (given.length > 0 ? given : globSync('test/**/*.test.ts', { cwd: root })).sort()

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
const groups = []
for (let at = 0; at < files.length; at += FILES) {
  const imports = files.slice(at, at + FILES).map((file) => `import ${JSON.stringify(pathToFileURL(join(root, file)).href)}\n`)
  const group = join(folder, `${String(groups.length).padStart(3, '0')}.mjs`)
  writeFileSync(group, imports.join(''))
  groups.push(group)
}

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
