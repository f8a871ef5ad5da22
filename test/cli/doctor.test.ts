import assert from 'node:assert/strict'
import { chmod, mkdir, readdir, utimes, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { checkClock } from '../../cli/doctor/machine.ts'
import { checkNode } from '../../cli/doctor/program.ts'
import { resolveConfig } from '../../plugins/config/parse/load.ts'
import { gatewayPlugin } from '../../plugins/define.ts'
import { build, scratch } from '../helper.ts'
import { stop, up } from '../program.ts'
import { cli } from './fixtures.ts'

interface Finding {
  readonly check: string
  readonly status: string
  readonly message: string
  readonly fix?: string
}

async function doctor(t: TestContext, cwd: string, env: Record<string, string> = {}) {
  const { code, stdout } = await cli(t, ['doctor', '--json'], { cwd, env })
  const findings = JSON.parse(stdout) as Finding[]
  return { code, stdout, of: (check: string) => findings.find((finding) => finding.check === check), findings }
}

/** A free port. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

test('nothing fails in an empty folder, each line says what was looked at, and nothing is left behind', async (t) => {
  const cwd = await scratch(t)
  const { code, stdout } = await cli(t, ['doctor'], { cwd, env: { FLYNN_PORT: String(await freePort()) } })
  assert.equal(code, 0, stdout)
  const lines = stdout.trim().split('\n')
  assert.deepEqual(
    lines.map((line) => /^(?:pass|warn) {2}(\w+) +\S/.exec(line)?.[1]),
    ['node', 'native', 'config', 'token', 'data', 'database', 'port', 'push', 'systemd', 'docker', 'clock']
  )
  assert.match(stdout, /^warn {2}token .*\. To do: set server\.token/m)
  assert.ok(!stdout.includes('\u001b'), 'no colour without a terminal')
  assert.deepEqual(await readdir(cwd), [])
})

test('a gateway that runs is found, and its database is looked at without a trace', async (t) => {
  const cwd = await scratch(t)
  const running = await up(t, cwd)
  const { port } = new URL(running.url)
  const found = await doctor(t, cwd, { FLYNN_PORT: port })
  assert.equal(found.code, 0)
  assert.deepEqual(found.of('port'), { check: 'port', status: 'pass', message: `a gateway 0.1.0 answers at ${running.url}` })
  assert.equal(found.of('database')!.message, 'can be written to, in WAL mode')
  assert.equal(await stop(running), 0)
  const before = await readdir(join(cwd, 'data'))
  assert.equal((await doctor(t, cwd, { FLYNN_PORT: port })).of('database')!.status, 'pass')
  assert.deepEqual(await readdir(join(cwd, 'data')), before)
})

test('what keeps a gateway from working fails with what to do, and exits 1', async (t) => {
  const cwd = await scratch(t)
  const other = createServer((socket) => socket.end('SSH-2.0\r\n')).listen(0, '127.0.0.1')
  t.after(() => other.close())
  await new Promise((resolve) => other.once('listening', resolve))
  const { port } = other.address() as AddressInfo
  await mkdir(join(cwd, 'data'))
  await writeFile(join(cwd, 'data', 'flynn.db'), 'not a database')
  await writeFile(join(cwd, 'data', 'vapid.json'), '{}')
  const { code, of } = await doctor(t, cwd, { FLYNN_PORT: String(port) })
  assert.equal(code, 1)
  for (const [check, message, fix] of [
    ['port', /another program listens on 127\.0\.0\.1:\d+/, /another server\.port/],
    ['database', /is damaged/, /backup/],
    ['push', /vapid\.json in data_dir holds no keys/, /restore the right file/]
  ] as const) {
    assert.equal(of(check)!.status, 'fail')
    assert.match(of(check)!.message, message)
    assert.match(of(check)!.fix!, fix)
  }
})

test('a wrong configuration fails with its place, and nothing that depends on it is looked at', async (t) => {
  const cwd = await scratch(t)
  await writeFile(join(cwd, 'flynn.yaml'), 'server: { prot: 1 }\n')
  const { code, findings } = await doctor(t, cwd)
  assert.equal(code, 1)
  assert.deepEqual(
    findings.map(({ check, status }) => `${check} ${status}`),
    ['node pass', 'native pass', 'config fail']
  )
  assert.equal(findings.at(-1)!.message, 'flynn.yaml:1:11 server.prot is not known; did you mean port?')
})

test('a token that can be guessed is a warning on loopback and fails elsewhere, and is never shown', async (t) => {
  const cwd = await scratch(t)
  const port = String(await freePort())
  const guessed = await doctor(t, cwd, { FLYNN_PORT: port, FLYNN_TOKEN: 'canary9d1f' })
  assert.deepEqual([guessed.of('token')!.status, guessed.of('token')!.message], ['warn', 'easy to guess: server.token'])
  const repeated = await doctor(t, cwd, {
    FLYNN_PORT: port,
    FLYNN_HOST: '0.0.0.0',
    FLYNN_TOKEN: 'canary'.repeat(20).replace(/[^a]/g, 'b')
  })
  assert.equal(repeated.of('token')!.status, 'fail')
  const made = await doctor(t, cwd, { FLYNN_PORT: port, FLYNN_TOKEN: 'h0Xq2vM7yLs9Tz4KpWnRb8UcEdJf3GaV' })
  assert.equal(made.of('token')!.status, 'pass')
  assert.ok(!guessed.stdout.includes('canary'))
})

test('data that others can read is a warning', async (t) => {
  const cwd = await scratch(t)
  await mkdir(join(cwd, 'data'))
  await chmod(join(cwd, 'data'), 0o755)
  const { of } = await doctor(t, cwd, { FLYNN_PORT: String(await freePort()) })
  assert.equal(of('data')!.status, 'warn')
  assert.match(of('data')!.fix!, /^chmod 700 /)
})

test('a Node.js older than the package asks for fails', () => {
  assert.equal(checkNode('22.17.9').status, 'fail')
  assert.equal(checkNode('22.18.0').status, 'pass')
  assert.equal(checkNode('26.0.0').status, 'pass')
})

test('a clock behind the files that it has written is a warning', async (t) => {
  const dataDir = await scratch(t)
  const env = { PATH: '' }
  const now = Date.now()
  const config = resolveConfig({ dataDir })
  assert.equal((await checkClock(config, env, now)).status, 'pass')
  await writeFile(join(dataDir, 'flynn.db'), '')
  await utimes(join(dataDir, 'flynn.db'), now / 1000 + 3600, now / 1000 + 3600)
  assert.equal((await checkClock(config, env, now)).status, 'warn')
})

test('checks of plugins in a running gateway are shown', async (t) => {
  const plugin = gatewayPlugin({ name: 'weather', dependencies: ['doctor'] }, async (app) => {
    app.doctor.check({ name: 'weather', run: async () => ({ status: 'fail', message: 'no key', fix: 'set weather.key' }) })
  })
  const { url } = await build(t, { plugins: [plugin] })
  const { code, of } = await doctor(t, await scratch(t), { FLYNN_PORT: new URL(url).port })
  assert.equal(code, 1)
  assert.deepEqual(of('weather'), { check: 'weather', status: 'fail', message: 'no key', fix: 'set weather.key' })
})
