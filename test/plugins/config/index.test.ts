import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import test, { type TestContext } from 'node:test'
import Fastify from 'fastify'
import config, { ConfigError, type ConfigInput } from '../../../plugins/config/index.ts'
import { resolveConfig } from '../../../plugins/config/parse/load.ts'
import type { GatewayInstance } from '../../../plugins/define.ts'
import hooks from '../../../plugins/hooks/index.ts'
import rpc from '../../../plugins/rpc/index.ts'

async function build(t: TestContext, input?: ConfigInput) {
  const app = Fastify()
  t.after(() => app.close())
  await app.register(hooks)
  await app.register(rpc)
  await app.register(config, input === undefined ? {} : { config: input })
  await app.ready()
  return (app as unknown as GatewayInstance).config
}

test('a host that says nothing gets the defaults', async (t) => {
  const { server, dataDir } = await build(t)
  assert.equal(server.port, 18800)
  assert.equal(dataDir, resolve('data'))
})

test('a finished configuration is used as it is, a changed copy is checked', async (t) => {
  const finished = resolveConfig({ server: { port: 1234 } })
  assert.equal(resolveConfig(finished), finished)
  const app = Fastify()
  t.after(() => app.close())
  await app.register(hooks)
  await app.register(rpc)
  await app.register(config, { config: finished })
  assert.equal((app as unknown as GatewayInstance).config, finished)
  assert.throws(() => resolveConfig({ ...finished, log: { level: 'loud' as 'info' } }), ConfigError)
})

test('a host configures the gateway in either spelling', async (t) => {
  const expected = { enabled: true }
  assert.deepEqual(
    (await build(t, { tools: { shell: { enabled: true } }, server: { max_payload_bytes: 2048 } })).tools.shell,
    expected
  )
  const camel = await build(t, { tools: { shell: expected }, server: { maxPayloadBytes: 2048, token: undefined } })
  assert.equal(camel.server.maxPayloadBytes, 2048)
})

test('the environment of the host and files beside it are not read', async (t) => {
  process.env.FLYNN_PORT = '1'
  process.env.FLYNN_CONFIG = 'nowhere.yaml'
  t.after(() => {
    delete process.env.FLYNN_PORT
    delete process.env.FLYNN_CONFIG
  })
  assert.equal((await build(t)).server.port, 18800)
})

test("where an embedded gateway listens is its host's affair", async (t) => {
  assert.equal((await build(t, { server: { host: '0.0.0.0', tailscale_identity: true } })).server.token, undefined)
})

test('a host may name providers that its plugins bring, but not a misspelt one of the gateway', async (t) => {
  const acme = { apiKey: 'k', baseUrl: 'http://x', contextWindow: 4096 }
  const { models } = await build(t, {
    models: { default: { acme: { api_key: 'k', base_url: 'http://x', context_window: 4096 } } }
  })
  assert.deepEqual(models, { default: { acme } })
  for (const [slip, meant] of [
    ['antropic', 'anthropic'],
    ['Ollama', 'ollama'],
    ['llama.cpp', 'llamacpp'],
    ['openaiCompatible', 'openai_compatible']
  ] as const) {
    await assert.rejects(build(t, { models: { default: { [slip]: { model: 'm' } } } }), (error) => {
      assert(error instanceof ConfigError)
      assert.equal(error.problems.length, 1)
      assert.match(error.problems[0] ?? '', new RegExp(` is not known; did you mean ${meant}\\?$`))
      return true
    })
  }
})

test('a wrong configuration stops the start and lists everything', async (t) => {
  const wrong = { server: { port: 'x', hots: 1 }, log: { level: 'loud' } } as unknown as ConfigInput
  await assert.rejects(build(t, wrong), (error) => {
    assert(error instanceof ConfigError)
    assert.deepEqual(error.problems, [
      'server.port must be an integer between 0 and 65535, got "x"',
      'server.hots is not known; did you mean host?',
      'log.level must be one of "fatal", "error", "warn", "info", "debug", "trace", "silent", got "loud"'
    ])
    for (const problem of error.problems) assert(error.message.includes(problem))
    return true
  })
})
