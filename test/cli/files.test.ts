import assert from 'node:assert/strict'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import { parse } from 'yaml'
import { scratch } from '../helper.ts'
import { stop, up } from '../program.ts'
import { cli } from './fixtures.ts'

test('init writes what a gateway starts with, and prints its token alone on stdout', async (t) => {
  const cwd = await scratch(t)
  const { code, stdout, stderr } = await cli(t, ['init'], { cwd })
  assert.equal(code, 0)
  assert.match(stdout, /^[\w-]{43}\n$/)
  assert.match(stderr, /Wrote flynn\.yaml\.\nWrote \.env\.example\./)
  const token = stdout.trim()
  assert.ok(!stderr.includes(token))
  assert.equal((await stat(join(cwd, 'flynn.yaml'))).mode & 0o777, 0o600)
  assert.ok(!(await readFile(join(cwd, '.env.example'), 'utf8')).includes(token))

  assert.equal((await cli(t, ['config', 'check'], { cwd })).code, 0)
  const running = await up(t, cwd)
  const ask = async (given: string) =>
    (await fetch(`${running.url}/api/health`, { headers: { authorization: `Bearer ${given}` } })).status
  assert.deepEqual([await ask(token), await ask('wrong')], [200, 401])
  assert.equal(await stop(running), 0)
})

test('what init shows as examples is valid once it is uncommented', async (t) => {
  const cwd = await scratch(t)
  await cli(t, ['init'], { cwd })
  const file = join(cwd, 'flynn.yaml')
  const uncommented = (await readFile(file, 'utf8')).replace(/^( *)# (?=(?: *(?:- |[a-z_]+:)))/gm, '$1')
  assert.deepEqual(Object.keys(parse(uncommented)), ['server', 'data_dir', 'models', 'lanes', 'tools', 'pairing', 'log'])
  await writeFile(file, uncommented)
  const env = { DASHBOARD_TOKEN: 'd', ANTHROPIC_API_KEY: 'a' }
  const { code, stderr } = await cli(t, ['config', 'check'], { cwd, env })
  assert.equal(code, 0, stderr)
})

test('init overwrites nothing, and makes no token where there is a configuration', async (t) => {
  const cwd = await scratch(t)
  await writeFile(join(cwd, 'flynn.yaml'), '# mine\n')
  const { code, stdout, stderr } = await cli(t, ['init'], { cwd })
  assert.deepEqual([code, stdout], [0, ''])
  assert.match(stderr, /flynn\.yaml exists and was not changed/)
  assert.equal(await readFile(join(cwd, 'flynn.yaml'), 'utf8'), '# mine\n')
})

const YAML = `server: { port: 1234, token: canary-9d1f, max_payload_bytes: 2048 }
models: { default: { anthropic: { api_key: canary-9d1f, model: m } } }
`

test('config print shows all of it in the names of the file, and no secret; --json is what config.get answers', async (t) => {
  const cwd = await scratch(t)
  await writeFile(join(cwd, 'flynn.yaml'), YAML)
  const printed = await cli(t, ['config', 'print'], { cwd })
  assert.ok(!printed.stdout.includes('canary'))
  assert.partialDeepStrictEqual(parse(printed.stdout), {
    server: { port: 1234, token: '***', max_payload_bytes: 2048 },
    models: { default: { anthropic: { api_key: '***', model: 'm' } } },
    lanes: { max_concurrent_runs: 32 }
  })
  const json = await cli(t, ['config', 'print', '--json'], { cwd })
  assert.partialDeepStrictEqual(JSON.parse(json.stdout), { server: { maxPayloadBytes: 2048 }, lanes: { maxConcurrentRuns: 32 } })
})

test('config diff shows differences from the defaults, from any folder', async (t) => {
  const cwd = await scratch(t)
  const nothing = await cli(t, ['config', 'diff'], { cwd })
  assert.deepEqual([nothing.stdout, nothing.stderr], ['', 'No differences from the defaults.\n'])
  await writeFile(join(cwd, 'flynn.yaml'), YAML)
  const { stdout } = await cli(t, ['config', 'diff'], { cwd, env: { FLYNN_LOG__LEVEL: 'debug' } })
  assert.deepEqual(stdout.trim().split('\n').sort(), [
    'log.level: "info" → "debug"',
    'models.default.anthropic.api_key: – → "***"',
    'models.default.anthropic.model: – → "m"',
    'server.max_payload_bytes: 16777216 → 2048',
    'server.port: 18800 → 1234',
    'server.token: – → "***"'
  ])
})
