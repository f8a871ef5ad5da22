import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { build, type ConnectOptions, connect, type Frame, type TestClient, type TestGateway } from '../helper.ts'
import { startModelServer } from '../model-server.ts'
import { exampleMachine } from '../programs/example.ts'
import { ERROR_TABLE } from './fixtures.ts'
import { headings } from './headings.ts'
import { probes } from './probes.ts'

const SESSION = 'telegram:123456'
const TOKEN = 'your-token'

/** Writes down what comes over its sockets. */
class Witness {
  readonly #t: TestContext
  readonly #clients: TestClient[] = []
  readonly #asked = new Map<TestClient, Map<number, string>>()

  constructor(t: TestContext) {
    this.#t = t
  }

  async connect({ url }: TestGateway, options: ConnectOptions = { token: TOKEN }): Promise<TestClient> {
    const client = await connect(this.#t, url, options)
    this.#clients.push(client)
    this.#asked.set(client, new Map())
    return client
  }

  start(client: TestClient, method: string, params?: Record<string, unknown>): number {
    const id = client.start(method, params)
    this.#asked.get(client)!.set(id, method)
    return id
  }

  /** The last frame of a request, whatever it says: what is missing in the end is told all at once. */
  ask(client: TestClient, method: string, params?: Record<string, unknown>): Promise<Frame> {
    return client.final(this.start(client, method, params))
  }

  /** The methods that were answered with a result. */
  get methods(): Set<string> {
    const answered = this.#clients.flatMap((client) =>
      client.frames.filter((frame) => 'result' in frame).map(({ id }) => this.#asked.get(client)!.get(id) ?? '')
    )
    return new Set(answered)
  }

  get events(): Set<string> {
    return new Set(this.#frames.flatMap(({ event }) => event ?? []))
  }

  /** The codes of error frames. */
  get codes(): Set<number> {
    return new Set(this.#frames.flatMap(({ error }) => error?.code ?? []))
  }

  get #frames(): Frame[] {
    return this.#clients.flatMap(({ frames }) => frames)
  }
}

test('the headings of the specification name 39 methods, 7 types of events and 10 error codes', () => {
  const { methods, events, codes } = headings()
  assert.deepEqual([new Set(methods).size, new Set(events).size, new Set(codes).size], [39, 7, 10])
  assert.deepEqual(
    codes,
    ERROR_TABLE.map(({ code }) => code)
  )
})

test('every method, every event and every error code of the specification is seen on a socket', async (t) => {
  const witness = new Witness(t)
  const gateway = await workshop(t)
  await conversation(witness, gateway)
  await canvas(witness, gateway)
  await node(witness, gateway)
  await operator(witness, gateway)
  await machine(witness, gateway)
  await refusals(witness, gateway)
  await failure(t, witness)
  await fullWindow(t, witness)

  const promised = headings()
  const missing = {
    methods: promised.methods.filter((name) => !witness.methods.has(name)),
    events: promised.events.filter((name) => !witness.events.has(name)),
    codes: promised.codes.filter((code) => !witness.codes.has(code))
  }
  assert.deepEqual(missing, { methods: [], events: [], codes: [] })
})

/** A gateway with everything on, on the machine of the specification's examples. */
async function workshop(t: TestContext): Promise<TestGateway> {
  const machine = await exampleMachine(t)
  const config = {
    server: {
      token: TOKEN,
      shutdown_grace_seconds: 0,
      nodes: { enabled: true, feature_gates: { 'ui.canvas': true }, location: { enabled: true }, push: { enabled: true } }
    },
    tools: { shell: { enabled: true } },
    ...machine.config
  }
  return await build(t, { config, plugins: [probes, machine.plugin], reload: async () => config })
}

/** Talking: with tools, too many messages, and one that is cancelled. */
async function conversation(witness: Witness, gateway: TestGateway): Promise<void> {
  const client = await witness.connect(gateway)
  await witness.ask(client, 'system.info')
  await witness.ask(client, 'sessions.create', { sessionId: SESSION })
  await witness.ask(client, 'agent.setToolUseCallback', { sessionId: SESSION, enabled: true })
  await witness.ask(client, 'agent.send', { message: '/tool probe.picture' })
  await witness.ask(client, 'agent.send', { message: '/queue set cap=1 overflow=drop_new' })
  const running = witness.start(client, 'agent.send', { message: '/tool probe.wait' })
  await client.frame(({ id, event }) => id === running && event === 'tool_start')
  witness.start(client, 'agent.send', { message: 'waits' })
  await witness.ask(client, 'agent.send', { message: 'is one too many' })
  await witness.ask(client, 'agent.cancel')
  await client.final(running)
  await witness.ask(client, 'sessions.list')
  await witness.ask(client, 'sessions.get', { sessionId: SESSION })
  await witness.ask(client, 'system.contextUsage')
  await witness.ask(client, 'system.sessionAnalytics')
  await witness.ask(client, 'system.presence')
  await witness.ask(client, 'tools.list')
  await witness.ask(client, 'tools.execute', { sessionId: SESSION, tool: 'shell.exec', args: { command: "echo 'Hello'" } })
}

async function canvas(witness: Witness, gateway: TestGateway): Promise<void> {
  const client = await witness.connect(gateway)
  const artifact = { sessionId: SESSION, artifactId: 'summary-card' }
  await witness.ask(client, 'canvas.put', { ...artifact, type: 'note', content: { markdown: '## Notes' } })
  await witness.ask(client, 'canvas.get', artifact)
  await witness.ask(client, 'canvas.list', { sessionId: SESSION })
  await witness.ask(client, 'canvas.delete', artifact)
  await witness.ask(client, 'canvas.clear', { sessionId: SESSION })
  await witness.ask(client, 'sessions.delete', { sessionId: SESSION })
}

async function node(witness: Witness, gateway: TestGateway): Promise<void> {
  const client = await witness.connect(gateway)
  const nodeId = 'companion-desktop'
  await witness.ask(client, 'node.register', { nodeId, role: 'companion', protocolVersion: 1, capabilities: ['ui.canvas'] })
  await witness.ask(client, 'node.capabilities.get')
  await witness.ask(client, 'node.location.set', { latitude: 37.7749, longitude: -122.4194 })
  await witness.ask(client, 'node.location.get')
  await witness.ask(client, 'node.status.set', { platform: 'macos' })
  await witness.ask(client, 'node.push_token.set', { provider: 'fcm', token: 'fcm_abcdefghijklmnopqrstuvwxyz123456' })
  await witness.ask(client, 'system.capabilities')
  await witness.ask(client, 'system.location')
  await witness.ask(client, 'system.nodes')
}

async function operator(witness: Witness, gateway: TestGateway): Promise<void> {
  const client = await witness.connect(gateway)
  await witness.ask(client, 'pairing.generate', { channel: 'telegram' })
  await witness.ask(client, 'pairing.list')
  await witness.ask(client, 'config.get')
  await witness.ask(client, 'config.reload')
  await witness.ask(client, 'system.disconnect')
}

/** What goes wrong when a client does. */
async function refusals(witness: Witness, gateway: TestGateway): Promise<void> {
  const client = await witness.connect(gateway)
  client.send('{')
  await client.frame(({ error }) => error?.code === -1)
  await witness.ask(client, 'sessions.list', { limit: 0 })
  await witness.ask(client, 'system.nothing')
  await witness.ask(client, 'sessions.get', { sessionId: 'telegram:nobody' })
  await witness.ask(client, 'tools.execute', { tool: 'no.tool', args: {} })
  for (const options of [{}, { token: 'wrong' }]) {
    const refused = await witness.connect(gateway, options)
    await refused.frame(({ error }) => error !== undefined)
  }
}

/** A model that cannot be reached: nothing listens on that port. */
async function failure(t: TestContext, witness: Witness): Promise<void> {
  const models = { default: { ollama: { base_url: 'http://127.0.0.1:1/v1', model: 'none' } } }
  const client = await witness.connect(await build(t, { config: { models } }), {})
  await witness.ask(client, 'agent.send', { message: 'Hello' })
}

/** A conversation that fills three quarters of the window. */
async function fullWindow(t: TestContext, witness: Witness): Promise<void> {
  const model = await startModelServer(t)
  const provider = { api_key: 'sk-test', model: 'test-model', base_url: model.baseUrl, context_window: 10_000 }
  const client = await witness.connect(await build(t, { config: { models: { default: { anthropic: provider } } } }), {})
  model.reply({ text: 'Hello.', usage: { input: 7600, output: 10 } })
  await witness.ask(client, 'agent.send', { message: 'Hello' })
}

async function machine(witness: Witness, gateway: TestGateway): Promise<void> {
  const client = await witness.connect(gateway)
  await witness.ask(client, 'system.localBackends')
  await witness.ask(client, 'system.localBackendControl', { backend: 'ollama', action: 'restart' })
  await witness.ask(client, 'system.dockerDependencies')
  await witness.ask(client, 'system.dockerDependencyControl', { dependency: 'whisper', action: 'restart' })
  const { result } = await witness.ask(client, 'system.observabilitySources')
  const sourceId = result?.sources.find(({ logCapable }: Frame) => logCapable)?.id ?? 'none'
  await witness.ask(client, 'system.observabilitySeries', { windowMinutes: 60, bucketSeconds: 30 })
  await witness.ask(client, 'system.serviceLogs', { sourceId, lines: 200, sinceSeconds: 900 })
}
