#!/usr/bin/env node
// Entry point of `npx flynn-gateway`, in a clone and in an installed package, on any Node.js from 18 on: finds the program, sets up a
// fresh clone as `npm start` does, and uses the Node.js brought along where the machine's own is too old.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import * as modules from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** By default SIGUSR1 opens the inspector, through which any program of this user could read every secret. */
const NO_INSPECTOR = '--disable-sigusr1'
process.on('SIGUSR1', () => {})
/** MiB. The default of V8 costs up to 100 MB more memory under load, and saves no time here. */
const SMALL_NURSERY = '--max-semi-space-size=4'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const broughtNode = join(root, 'node_modules', '.bin', 'node')
const setup = join(root, 'scripts', 'setup.mjs')

// Compiled code, and sources without their types, are kept: a start takes less time and 30 MB less. Not in a shared temporary folder, where
// another user could put code. Older Node.js has no such cache.
const compileCache = join(root, 'node_modules', '.cache', 'compile')
modules.enableCompileCache?.(compileCache)

// In a clone the sources count: a build beside them may be old. Packages have the build alone.
const sources = join(root, 'cli.ts')
const isClone = existsSync(sources) && existsSync(setup)
const program = isClone ? sources : join(root, 'dist', 'cli.js')

if (isClone) {
  // Its messages go to stderr: stdout belongs to the command.
  const { status } = spawnSync(process.execPath, [setup], { stdio: ['ignore', 2, 2] })
  if (status !== 0) process.exit(status ?? 1)
}
if (!tooOld()) {
  process.argv[1] = program
  await import(pathToFileURL(program).href)
} else if (existsSync(broughtNode)) {
  runOn(broughtNode)
} else {
  process.stderr.write(`flynn-gateway: Node.js ${process.versions.node} is older than ${floor()}, which this needs.\n`)
  process.exit(1)
}

function floor() {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).engines.node.replace('>=', '')
}

function tooOld() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  const [wantedMajor, wantedMinor = 0] = floor().split('.').map(Number)
  return major < wantedMajor || (major === wantedMajor && minor < wantedMinor)
}

function runOn(node) {
  const args = [NO_INSPECTOR, SMALL_NURSERY, program, ...process.argv.slice(2)]
  const child = spawn(node, args, { stdio: 'inherit', env: { ...process.env, NODE_COMPILE_CACHE: compileCache } })
  // A terminal sends its signals to both. A second one would end a gateway at once that is finishing what it does.
  const heard = process.stdin.isTTY ? ['SIGINT', 'SIGHUP', 'SIGQUIT'] : []
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']) {
    process.on(signal, () => heard.includes(signal) || child.kill(signal))
  }
  child.on('exit', (code, signal) => {
    if (signal) {
      process.removeAllListeners(signal)
      process.kill(process.pid, signal)
    } else process.exit(code ?? 1)
  })
}
