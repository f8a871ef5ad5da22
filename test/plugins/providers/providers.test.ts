import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import test, { type TestContext } from 'node:test'
import { inspect, promisify } from 'node:util'
import Fastify from 'fastify'
import type { Config } from '../../../plugins/config/index.ts'
import { type GatewayInstance, gatewayPlugin } from '../../../plugins/define.ts'
import hooks from '../../../plugins/hooks/index.ts'
import { defineProvider, type Model, type ModelPart } from '../../../plugins/providers/define.ts'
import plugin, { type Tiers } from '../../../plugins/providers/index.ts'
import { RpcError } from '../../../rpc/errors.ts'
import { collect, request, textOf } from '../../contract/provider.ts'
import { startModelServer } from '../../model-server.ts'

/** Has no shape of a secret: only its value gives it away. */
const KEY = 'the canary sings/at=dawn'

interface Line {
  readonly level: number
  readonly msg: string
  readonly reason?: string
  readonly provider?: string
  readonly status?: number
  readonly tier?: string
}

/** The plugin inside a real Fastify, with this as `models` of its configuration. */
async function build(t: TestContext, models: Tiers, ...extensions: ReadonlyArray<(app: GatewayInstance) => void>) {
  const log: Line[] = []
  const host = Fastify({ logger: { level: 'trace', stream: { write: (line: string) => void log.push(JSON.parse(line)) } } })
  t.after(() => host.close())
  host.register(
    gatewayPlugin({ name: 'config' }, async (app) => {
      app.decorate('config', { models } as unknown as Config)
      app.decorate('configStore', { onPrepare() {}, onChange() {} } as unknown as GatewayInstance['configStore'])
    })
  )
  host.register(hooks)
  host.register(plugin)
  for (const extend of extensions) host.register(gatewayPlugin({ name: 'extension' }, async (app) => extend(app)))
  await host.ready()
  return { providers: (host as unknown as GatewayInstance).providers, log }
}

async function failing(parts: AsyncIterable<ModelPart>): Promise<{ error: RpcError; seen: ModelPart[] }> {
  const seen: ModelPart[] = []
  try {
    for await (const part of parts) seen.push(part)
  } catch (error) {
    assert.ok(error instanceof RpcError, String(error))
    return { error, seen }
  }
  return assert.fail('it did not fail')
}

test('with no model configured the offline model answers, and the log says so once', async (t) => {
  const { providers, log } = await build(t, {})
  assert.deepEqual(providers.tiers(), ['default'])
  assert.deepEqual(providers.describe('default'), { provider: 'offline', model: 'offline', contextWindow: 32_768, offline: true })
  assert.match(textOf(await collect(providers.stream('default', request('Hello')))), /offline model/)
  assert.equal(log.filter(({ msg }) => msg.includes('the offline model answers')).length, 1)
})

test('a tier is described by the model that is asked first', async (t) => {
  const { providers, log } = await build(t, {
    default: { anthropic: { apiKey: KEY, model: 'claude-x' }, offline: {} },
    fast: { llamacpp: { model: 'small', contextWindow: 4096 } }
  })
  assert.deepEqual(providers.tiers(), ['default', 'fast'])
  assert.deepEqual(providers.describe('default'), {
    provider: 'anthropic',
    model: 'claude-x',
    contextWindow: 200_000,
    offline: false
  })
  assert.deepEqual(providers.describe('fast'), { provider: 'llamacpp', model: 'small', contextWindow: 4096, offline: false })
  assert.deepEqual(
    log.filter(({ level }) => level >= 40),
    []
  )
})

test('a tier that is not configured is an invalid request', async (t) => {
  const { providers } = await build(t, {})
  assert.throws(() => providers.describe('toString'), {
    kind: 'InvalidRequest',
    message: 'Unknown model tier: expected one of default'
  })
  const { error } = await failing(providers.stream('fast', request('Hello')))
  assert.equal(error.kind, 'InvalidRequest')
})

test('a model that fails before its first part gives way to the next one, in the order written', async (t) => {
  const down = await startModelServer(t)
  down.reply({ status: 529, message: `Overloaded, ${KEY}` })
  const up = await startModelServer(t)
  up.reply({ text: 'Second here.' })
  const { providers, log } = await build(t, {
    default: {
      openai: { apiKey: KEY, model: 'first', baseUrl: down.baseUrl },
      anthropic: { apiKey: KEY, model: 'second', baseUrl: up.baseUrl },
      offline: {}
    }
  })
  assert.equal(textOf(await collect(providers.stream('default', request('Hello')))), 'Second here.')
  assert.equal(down.requests.length, 1)
  const lines = log.filter(({ msg }) => msg === 'a model call failed')
  assert.deepEqual(
    lines.map(({ level, tier, provider, status, reason }) => ({ level, tier, provider, status, reason })),
    [{ level: 40, tier: 'default', provider: 'openai', status: 529, reason: 'Overloaded, *** [invalid_request_error]' }]
  )
  assert.doesNotMatch(JSON.stringify(log), /canary/)
})

test('a model that fails after its first part fails the call', async (t) => {
  const server = await startModelServer(t)
  server.reply({ text: 'Once upon', fault: 'cut' })
  const { providers } = await build(t, {
    default: { anthropic: { apiKey: KEY, model: 'm', baseUrl: server.baseUrl }, offline: {} }
  })
  const { error, seen } = await failing(providers.stream('default', request('Hello')))
  assert.equal(textOf(seen), 'Once upon')
  assert.equal(error.kind, 'InternalError')
  assert.equal(error.message, 'The model provider anthropic broke off its answer: try again')
  assert.deepEqual(error.data, { retryable: true })
})

test('a call cut off while it asked for a tool falls through: nothing of it was seen', async (t) => {
  const server = await startModelServer(t)
  server.reply({ toolCalls: [{ name: 'clock_now', args: {} }], fault: 'end' })
  const { providers } = await build(t, { default: { openai: { apiKey: KEY, model: 'm', baseUrl: server.baseUrl }, offline: {} } })
  const parts = await collect(providers.stream('default', request('say Fine.')))
  assert.deepEqual(
    parts.map(({ type }) => type),
    ['text', 'finish']
  )
})

test('when all fail, the error names each and when to retry, and no key', async (t) => {
  const server = await startModelServer(t)
  server.reply(
    { status: 401, message: `Incorrect API key provided: ${KEY}` },
    { status: 429, headers: { 'retry-after': '30' } },
    { status: 429, headers: { 'retry-after': '7' } }
  )
  const settings = { apiKey: KEY, model: 'm', baseUrl: server.baseUrl }
  const { providers, log } = await build(t, {
    default: { anthropic: settings, openai: settings, openai_compatible: settings }
  })
  const { error, seen } = await failing(providers.stream('default', request('Hello')))
  assert.deepEqual(seen, [])
  assert.deepEqual(error.toJSON(), {
    code: 5,
    message:
      'The model provider anthropic refused the key (HTTP 401): check its api_key in the configuration. ' +
      'The model provider openai limits how much it is asked (HTTP 429): try again later. ' +
      'The model provider openai_compatible limits how much it is asked (HTTP 429): try again later',
    data: { retryable: true, retryAfterMs: 7000 }
  })
  assert.equal(log.filter(({ msg }) => msg === 'a model call failed').length, 3)
  // The error as a log would write it, cause and all.
  assert.doesNotMatch(JSON.stringify(log) + inspect(error, { depth: 10, showHidden: true }), /canary/)
})

test('a failure that cannot pass by itself is not worth another try', async (t) => {
  const server = await startModelServer(t)
  server.reply({ status: 401 })
  const { providers } = await build(t, { default: { openai: { apiKey: KEY, model: 'm', baseUrl: server.baseUrl } } })
  const { error } = await failing(providers.stream('default', request('Hello')))
  assert.deepEqual(error.data, { retryable: false })
})

test('an abort never falls through to the next model', async (t) => {
  const server = await startModelServer(t)
  server.reply({ silence: true })
  const { providers, log } = await build(t, {
    default: { openai: { apiKey: KEY, model: 'm', baseUrl: server.baseUrl }, offline: {} }
  })
  const controller = new AbortController()
  const arrived = server.next()
  const call = collect(providers.stream('default', request('Hello', { signal: controller.signal })))
  call.catch(() => {})
  const received = await arrived
  controller.abort('enough')
  await assert.rejects(call, (thrown) => thrown === 'enough')
  await received.closed
  assert.deepEqual(
    log.filter(({ msg }) => msg === 'a model call failed'),
    []
  )
})

test('a provider of a third party joins in, and its faults are contained', async (t) => {
  class Acme implements Model {
    readonly provider = 'acme'
    readonly model = 'acme-1'
    readonly contextWindow = 1000
    readonly #answers = ['throws', 'stops short', 'works']
    async *stream(): AsyncGenerator<ModelPart> {
      const answer = this.#answers.shift()
      if (answer === 'throws') throw new TypeError(`cannot read ${KEY}`)
      if (answer === 'stops short') return
      yield { type: 'text', text: 'Acme.' }
      yield { type: 'finish', reason: 'stop', usage: { inputTokens: 1, outputTokens: 1 } }
    }
  }
  const { providers, log } = await build(t, { default: { acme: { apiKey: KEY } } }, (app) =>
    app.providers.add(defineProvider({ name: 'acme', open: () => new Acme() }))
  )
  assert.equal((await failing(providers.stream('default', request('Hello')))).error.message, 'The model provider acme failed')
  assert.match((await failing(providers.stream('default', request('Hello')))).error.message, /broke off/)
  assert.equal(textOf(await collect(providers.stream('default', request('Hello')))), 'Acme.')
  assert.doesNotMatch(JSON.stringify(log), /canary/)
  assert.equal(log.find(({ provider }) => provider === 'acme')?.reason, 'TypeError: cannot read ***')
})

test('a server that reports no usage gets it estimated', async (t) => {
  const server = await startModelServer(t)
  server.reply({ text: ['one two', ' three'], usage: null })
  const { providers } = await build(t, { default: { openai_compatible: { model: 'm', baseUrl: server.baseUrl } } })
  const finish = (await collect(providers.stream('default', request('Hello')))).at(-1)
  assert.ok(finish?.type === 'finish' && finish.estimated)
  assert.ok(finish.usage.inputTokens > 10)
  assert.ok(finish.usage.outputTokens >= 3)
})

for (const [inputTokens, outputTokens] of [
  [0, 0],
  [0, 20],
  [-5, 1],
  [1, -5],
  [Number.NaN, 1],
  [1.5, 1],
  [1e18, 1],
  [1, Number.POSITIVE_INFINITY],
  [undefined as unknown as number, 'many' as unknown as number]
] as const) {
  test(`usage that cannot be is estimated: ${inputTokens} in, ${outputTokens} out`, async (t) => {
    const { providers } = await build(t, { default: { acme: {} } }, (app) =>
      app.providers.add(
        defineProvider({
          name: 'acme',
          open: () => ({
            provider: 'acme',
            model: 'acme-1',
            contextWindow: 1000,
            async *stream(): AsyncGenerator<ModelPart> {
              yield { type: 'text', text: 'one two three' }
              yield { type: 'finish', reason: 'stop', usage: { inputTokens, outputTokens } }
            }
          })
        })
      )
    )
    const finish = (await collect(providers.stream('default', request('Hello')))).at(-1)
    assert.ok(finish?.type === 'finish' && finish.estimated)
    assert.ok(finish.usage.inputTokens > 0 && finish.usage.inputTokens < 1000)
    assert.ok(finish.usage.outputTokens > 0 && finish.usage.outputTokens < 10)
  })
}

for (const [models, message] of [
  [{ default: { anthropic: { model: 'm' } } }, 'models.default.anthropic.api_key must be set'],
  [{ default: { openai: { apiKey: KEY } } }, 'models.default.openai.model must be set'],
  [{ default: { openai_compatible: { model: 'm' } } }, 'models.default.openai_compatible.base_url must be set'],
  [{ default: {} }, 'models.default must name at least one provider'],
  [{ fast: { offline: {} } }, 'models.default must be set when another tier is'],
  [
    { default: { opneai: {} } },
    'models.default.opneai: unknown provider, expected one of anthropic, openai, openai_compatible, ollama, llamacpp, offline'
  ]
] as ReadonlyArray<readonly [Tiers, string]>) {
  test(`a configuration that cannot work stops the start: ${message}`, async (t) => {
    await assert.rejects(build(t, models), { message })
  })
}

test('nothing of the SDK is loaded before a real model is asked', async () => {
  const script = `
    import { registerHooks } from 'node:module'
    const loaded = []
    registerHooks({ resolve(name, context, next) { loaded.push(name); return next(name, context) } })
    const { networkProviders } = await import(${JSON.stringify(import.meta.resolve('../../../plugins/providers/models.ts'))})
    const { Providers } = await import(${JSON.stringify(import.meta.resolve('../../../plugins/providers/index.ts'))})
    const { offlineProvider } = await import(${JSON.stringify(import.meta.resolve('../../../plugins/providers/offline.ts'))})
    const sdk = () => loaded.filter((name) => /^(ai|undici|@ai-sdk\\/.*)$/.test(name))
    const providers = new Providers({ default: { offline: {} }, real: { openai: { model: 'm', apiKey: 'k', baseUrl: 'http://127.0.0.1:1/v1' } } }, { warn() {} }, { run: (_name, _model, run) => run() })
    for (const provider of [...networkProviders, offlineProvider]) providers.add(provider)
    providers.open()
    const ask = async (tier) => {
      for await (const _ of providers.stream(tier, { system: '', messages: [{ role: 'user', text: 'Hi' }], tools: [], signal: new AbortController().signal })) {}
    }
    await ask('default')
    console.log(JSON.stringify(sdk()))
    await ask('real').catch(() => {})
    console.log(sdk().includes('undici') && sdk().includes('@ai-sdk/openai') && !sdk().includes('@ai-sdk/anthropic') && !sdk().includes('ai'))
  `
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
  assert.deepEqual(stdout.trim().split('\n'), ['[]', 'true'])
})
