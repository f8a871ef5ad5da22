import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmod, cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { scratch } from '../helper.ts'
import { cli, LAUNCHER, listen, spawned } from './fixtures.ts'

/** An installed package whose program prints how it was started, exits with a given code, or waits for a signal. */
const PROGRAM = `
if (process.argv[2] === 'wait') {
  setInterval(() => {}, 1000)
  process.on('SIGTERM', () => process.exit(7))
}
process.stdout.write(JSON.stringify({ args: process.argv.slice(2), brought: process.env.BROUGHT }) + '\\n')
if (process.argv[2] !== 'wait') process.exit(Number(process.argv[2]))
`

async function installed(t: TestContext, { floor, brought = false }: { floor: string; brought?: boolean }) {
  const folder = await scratch(t)
  for (const name of ['bin', 'dist', 'node_modules/.bin']) await mkdir(join(folder, name), { recursive: true })
  await cp(LAUNCHER, join(folder, 'bin/flynn-gateway.js'))
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module', engines: { node: floor } }))
  await writeFile(join(folder, 'dist/cli.js'), PROGRAM)
  if (brought) {
    const node = join(folder, 'node_modules/.bin/node')
    await writeFile(node, `#!/bin/sh\nBROUGHT=yes exec '${process.execPath}' "$@"\n`)
    await chmod(node, 0o755)
  }
  return { folder, launcher: join(folder, 'bin/flynn-gateway.js') }
}

test('a package runs its build, with the arguments and the exit code', async (t) => {
  const { folder, launcher } = await installed(t, { floor: '>=18.0', brought: true })
  const { code, stdout } = await cli(t, ['3', '--x', 'a b'], { cwd: folder }, launcher)
  assert.deepEqual([code, JSON.parse(stdout)], [3, { args: ['3', '--x', 'a b'] }])
})

test('where Node.js is too old, the one brought along takes over, exit code and signals included', async (t) => {
  const { folder, launcher } = await installed(t, { floor: '>=99.0', brought: true })
  const { code, stdout } = await cli(t, ['4'], { cwd: folder }, launcher)
  assert.deepEqual([code, JSON.parse(stdout)], [4, { args: ['4'], brought: 'yes' }])

  const child = spawned(t, ['wait'], { cwd: folder }, launcher)
  await listen(child, 'stdout').until('wait')
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  assert.deepEqual(await exit, [7, null])
})

test('where there is none, the error says which Node.js it takes', async (t) => {
  const { folder, launcher } = await installed(t, { floor: '>=99.1' })
  const { code, stdout, stderr } = await cli(t, ['0'], { cwd: folder }, launcher)
  assert.deepEqual([code, stdout], [1, ''])
  assert.match(stderr, /^flynn-gateway: Node\.js [\d.]+ is older than 99\.1, which this needs\.\n$/)
})

test('a clone is made ready first, and runs its sources although there is a build; what setup says is no data', async (t) => {
  const { folder, launcher } = await installed(t, { floor: '>=18.0' })
  await mkdir(join(folder, 'scripts'))
  await writeFile(join(folder, 'scripts/setup.mjs'), "console.log('setup')")
  await writeFile(join(folder, 'cli.ts'), "const from: string = 'sources'\nconsole.log(from)\n")
  assert.deepEqual(await cli(t, [], { cwd: folder }, launcher), { code: 0, stdout: 'sources\n', stderr: 'setup\n' })

  await writeFile(join(folder, 'scripts/setup.mjs'), 'process.exit(5)')
  assert.deepEqual(await cli(t, [], { cwd: folder }, launcher), { code: 5, stdout: '', stderr: '' })
})
