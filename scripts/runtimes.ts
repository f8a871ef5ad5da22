// Runs the built client in the runtimes it promises, against a gateway of this clone: node scripts/runtimes.ts
// The runtimes come from npm, into a temporary folder; together about 600 MB, which take `npm ci` 12 to 20 s. The tests have Deno and Bun
// alone, for 5 s; packages of Node.js for one platform cannot be installed on another, so they are no dependencies of the project.
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import Fastify from 'fastify'
import gateway from '../app.ts'
import { bundleClient } from './client/bundle.ts'

const run = promisify(execFile)
const ROOT = fileURLToPath(new URL('../', import.meta.url))
const TOKEN = 'of-the-smoke-test'

/** npm package, its program, and what comes before the script. */
const RUNTIMES = [
  { name: 'Node.js 22.18', install: 'node@22.18', program: 'node_modules/.bin/node', args: [] },
  { name: 'Node.js 24', install: 'node@24', program: 'node_modules/.bin/node', args: [] },
  { name: 'Node.js 26', install: 'node@26', program: 'node_modules/.bin/node', args: [] },
  { name: 'Deno', install: 'deno', program: 'node_modules/.bin/deno', args: ['run', '-A'] },
  { name: 'Bun', install: 'bun', program: 'node_modules/.bin/bun', args: ['run'] }
]

const folder = await mkdtemp(path.join(tmpdir(), 'flynn-runtimes-'))
const host = Fastify({ forceCloseConnections: true })
try {
  const client = path.join(folder, 'client.js')
  await writeFile(path.join(folder, 'package.json'), '{"type":"module"}')
  await writeFile(client, await bundleClient())
  await run(process.execPath, [
    path.join(ROOT, 'node_modules/typescript/bin/tsc'),
    '-p',
    path.join(ROOT, 'tsconfig.build.json'),
    '--outDir',
    path.join(folder, 'dist')
  ])
  await host.register(gateway, { config: { data_dir: path.join(folder, 'data'), server: { token: TOKEN } } })
  await host.listen({ port: 0, host: '127.0.0.1' })
  const url = `ws://127.0.0.1:${(host.server.address() as AddressInfo).port}`
  const script = path.join(ROOT, 'scripts/client/smoke.mjs')
  const store = path.join(folder, 'dist/rpc/client/file-store.js')
  const required = path.join(folder, 'require.cjs')
  await writeFile(required, "if (typeof require('./client.js').connect !== 'function') throw new Error('not loaded')")
  for (const { name, install, program, args } of RUNTIMES) {
    const prefix = path.join(folder, install)
    await mkdir(prefix, { recursive: true })
    await run('npm', ['install', '--prefix', prefix, '--no-audit', '--no-fund', install])
    const binary = path.join(prefix, program)
    const { stdout: version } = await run(binary, ['--version'])
    const { stdout } = await run(binary, [...args, script, client, store, url, TOKEN, path.join(prefix, 'store')], {
      timeout: 60_000
    })
    await run(binary, [...args, required])
    process.stdout.write(`${name} (${version.split('\n')[0]}): ${stdout}`)
    await rm(prefix, { recursive: true })
  }
} finally {
  await host.close()
  await rm(folder, { recursive: true, force: true })
}
