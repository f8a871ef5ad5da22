import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { glob, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { bundleClient } from '../../../scripts/client/bundle.ts'
import { build, scratch } from '../../helper.ts'

const run = promisify(execFile)
const ROOT = fileURLToPath(new URL('.', import.meta.resolve('#package.json')))

/** Binaries in the packages that `deno` and `bun` of npm bring for this platform. Node.js 22.18 and 26: `node scripts/runtimes.ts`. */
const RUNTIMES = [
  { name: 'Deno', binaries: 'node_modules/@deno/*/deno', args: ['run', '-A'] },
  { name: 'Bun', binaries: 'node_modules/@oven/bun-*/bin/bun', args: ['run'] }
]

/** The first binary that starts on this machine: a package for another libc may lie beside it. */
async function startable(pattern: string): Promise<string | undefined> {
  for await (const file of glob(pattern, { cwd: ROOT })) {
    const binary = join(ROOT, file)
    const starts = await run(binary, ['--version']).then(
      () => true,
      () => false
    )
    if (starts) return binary
  }
  return undefined
}

test('the built client holds a conversation in Deno and Bun', async (t) => {
  const folder = await scratch(t)
  const client = join(folder, 'client.js')
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')
  await writeFile(client, await bundleClient())
  const { url } = await build(t, { config: { server: { token: 'of-the-test' } } })
  const rest = [join(ROOT, 'scripts/client/smoke.mjs'), client, join(ROOT, 'rpc/client/file-store.ts'), url.replace('http', 'ws')]
  for (const { name, binaries, args } of RUNTIMES) {
    await t.test(name, async (t) => {
      const binary = await startable(binaries)
      if (binary === undefined) return t.skip(`no binary of ${name} starts on this machine`)
      const { stdout } = await run(binary, [...args, ...rest, 'of-the-test', join(folder, name)])
      assert.equal(stdout, 'fine\n')
    })
  }
})
