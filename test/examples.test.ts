import assert from 'node:assert/strict'
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import test, { after, before, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'
import { writeBundles } from '../scripts/client/bundle.ts'
import { launch } from './browser.ts'
import { build, connect, type Frame } from './helper.ts'
import { Heard, startPlatform } from './plugins/channels/platform.ts'
import { post } from './routes/post.ts'

const ROOT = fileURLToPath(new URL('./', import.meta.resolve('#package.json')))
const { files, exports } = JSON.parse(await readFile(path.join(ROOT, 'package.json'), 'utf8'))

/** A project that has installed the package as it would be published, and holds the examples. */
let project: string

before(async () => {
  project = await mkdtemp(path.join(tmpdir(), 'flynn-examples-'))
  const modules = path.join(project, 'node_modules')
  const installed = path.join(modules, 'flynn-gateway')
  await mkdir(installed, { recursive: true })
  await compile(['-p', path.join(ROOT, 'tsconfig.build.json'), '--outDir', path.join(installed, 'dist')])
  await writeBundles(path.join(installed, 'dist'))
  await cp(path.join(ROOT, 'dist/public'), path.join(installed, 'dist/public'), { recursive: true })
  for (const entry of globSync(
    ['package.json', ...files].filter((entry) => entry !== 'dist'),
    { cwd: ROOT }
  )) {
    await cp(path.join(ROOT, entry), path.join(installed, entry), { recursive: true })
  }
  for (const entry of await readdir(path.join(ROOT, 'node_modules'))) {
    if (!entry.startsWith('.')) await symlink(path.join(ROOT, 'node_modules', entry), path.join(modules, entry))
  }
  await cp(path.join(ROOT, 'examples'), project, { recursive: true })
  await writeFile(path.join(project, 'package.json'), '{"type":"module"}')
})

after(() => rm(project, { recursive: true, force: true }))

async function compile(args: readonly string[]): Promise<void> {
  const tsc = spawn(process.execPath, [path.join(ROOT, 'node_modules/typescript/bin/tsc'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe']
  })
  const [output, [code]] = await Promise.all([tsc.stdout.toArray(), once(tsc, 'exit')])
  assert.equal(code, 0, Buffer.concat(output).toString())
}

function run(file: string, { args = [], env = {} }: { args?: readonly string[]; env?: Record<string, string> } = {}) {
  return spawn(process.execPath, [path.join(project, file), ...args], { cwd: project, env: { ...process.env, ...env } })
}

/** Starts a server on a free port, ended after the test; answers where it listens, as it says in its log. */
async function serve(t: TestContext, file: string, env: Record<string, string> = {}): Promise<string> {
  const child = run(file, { env: { PORT: '0', ...env } })
  t.after(async () => {
    if (child.exitCode === null && child.kill()) await once(child, 'exit')
    await rm(path.join(project, 'data'), { recursive: true, force: true })
  })
  const errors: Buffer[] = []
  child.stderr.on('data', (chunk) => errors.push(chunk))
  for await (const line of createInterface(child.stdout)) {
    const [, url] = /Server listening at (http:\/\/[\d.]+:\d+)/.exec(line) ?? []
    if (url) return url
  }
  throw new Error(`${file} ended: ${Buffer.concat(errors)}`)
}

async function finished(child: ChildProcessWithoutNullStreams): Promise<{ code: number; stdout: string; stderr: string }> {
  const [stdout, stderr, [code]] = await Promise.all([child.stdout.toArray(), child.stderr.toArray(), once(child, 'exit')])
  return { code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() }
}

test('the examples compile against the types of the package', async () => {
  const compilerOptions = {
    target: 'es2023',
    module: 'nodenext',
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    verbatimModuleSyntax: true,
    erasableSyntaxOnly: true,
    skipLibCheck: true,
    jsx: 'react-jsx',
    noEmit: true
  }
  await writeFile(path.join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts', '*.tsx'] }))
  await compile(['-p', project])
})

test('the client compiles for consumers without skipLibCheck, with nothing but the DOM', async () => {
  await mkdir(path.join(project, 'consumer'), { recursive: true })
  await writeFile(
    path.join(project, 'consumer/index.ts'),
    `import { connect } from 'flynn-gateway/client'
declare module 'flynn-gateway/client' {
  interface GatewayMethods { 'weather.today': { params: { city: string }; result: { sky: string }; events: Record<never, never> } }
}
const gateway = connect('./', { token: async () => 'secret' })
export const sky: string = (await gateway.call('weather.today', { city: 'Lisbon' })).sky
// @ts-expect-error no such param
await gateway.call('sessions.list', { limits: 1 })
for await (const text of gateway.session('cli:me').send('hello').text()) text.trim()
`
  )
  const shared = {
    target: 'es2022',
    lib: ['es2022', 'dom'],
    types: [],
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true
  }
  for (const [module, moduleResolution] of [
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler']
  ]) {
    const compilerOptions = { ...shared, module, moduleResolution }
    await writeFile(path.join(project, 'consumer/tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }))
    await compile(['-p', path.join(project, 'consumer')])
  }
})

test('a CommonJS program loads the client', async () => {
  await writeFile(
    path.join(project, 'program.cjs'),
    `const { connect, Disconnected } = require('flynn-gateway/client'); console.log(typeof connect, Disconnected.name)`
  )
  const { stdout, stderr } = await finished(run('program.cjs'))
  assert.equal(stdout.trim(), 'function Disconnected', stderr)
})

test('every entry point of the package can be imported, and has types', async () => {
  const entries = Object.keys(exports).filter((entry) => entry !== './package.json')
  const names = entries.map((entry) => `flynn-gateway${entry.slice(1)}`)
  await writeFile(
    path.join(project, 'entries.mjs'),
    `for (const name of ${JSON.stringify(names)}) console.log(name, Object.keys(await import(name)).sort().join())`
  )
  const { code, stdout, stderr } = await finished(run('entries.mjs'))
  assert.equal(code, 0, stderr)
  assert.deepEqual(stdout.trim().split('\n'), [
    'flynn-gateway default',
    'flynn-gateway/server ConfigError,OwnLog,Unavailable,loadConfig,serve',
    'flynn-gateway/types NamedRegistry,defineMethod,gatewayPlugin,named',
    'flynn-gateway/rpc RpcError',
    'flynn-gateway/tools ToolError,defineTool',
    'flynn-gateway/providers ProviderError,argumentsOf,defineProvider,isRefusal',
    'flynn-gateway/channels DeliveryError,Refusal,inbound,sameSecret',
    'flynn-gateway/client Disconnected,GatewayClient,RpcError,TimedOut,connect,indexedDbStore,memoryStore,webStore',
    'flynn-gateway/client/file-store fileStore',
    'flynn-gateway/session SessionModel',
    'flynn-gateway/react useSession',
    'flynn-gateway/companion androidCompanion,browserCompanion,createCompanion,iosCompanion',
    'flynn-gateway/companion/machine linuxCompanion,linuxPlatform,machinePlatform,macosCompanion,macosPlatform,windowsCompanion,windowsPlatform',
    'flynn-gateway/testing FakeError,FakeGateway,ScriptedModel,channelContract,providerContract,startGateway'
  ])
  for (const entry of entries) await readFile(path.join(project, 'node_modules/flynn-gateway', exports[entry].types))
})

test('embed.ts: the gateway lives under /agent, and the host keeps its own routes', async (t) => {
  const url = await serve(t, 'embed.ts')
  assert.deepEqual(await (await fetch(url)).json(), { hello: 'from the host' })
  assert.equal(((await (await fetch(`${url}/agent/health`)).json()) as Frame).status, 'ok')
  assert.match(await (await fetch(`${url}/agent/`)).text(), /<!doctype html>/i)
  assert.equal((await post(`${url}/agent`, 'system.info', {})).json.result.version, '0.1.0')
  assert.equal((await fetch(`${url}/rpc/system.info`, { method: 'POST' })).status, 404)
  const client = await connect(t, `${url}/agent`)
  assert.equal((await client.call('agent.send', { message: 'say hello' })).content, 'hello')
  assert.deepEqual(await (await fetch(`${url}/load`)).json(), { connections: 1 })
})

test('third-party-plugin.ts: everything it adds works like the built-in parts', async (t) => {
  const url = await serve(t, 'third-party-plugin.ts')
  const client = await connect(t, url)
  assert.deepEqual((await client.call('system.hello', { events: ['weather.asked', 'weather.nope'] })).events, ['weather.asked'])
  await client.call('sessions.create', { sessionId: 'cli:me' })
  await client.call('sessions.subscribe', { sessionId: 'cli:me' })
  assert.deepEqual(await client.call('weather.today', { city: 'Lisbon' }), { sky: 'sunny', asked: 1 })
  const { data } = await client.frame(({ event }) => event === 'weather.asked')
  assert.deepEqual(data, { city: 'Lisbon' })
  assert.deepEqual((await post(url, 'weather.today', { city: 'Lisbon' })).json, { result: { sky: 'sunny', asked: 2 } })
  const { status, json } = await post(url, 'weather.today', { city: 'Atlantis' })
  assert.deepEqual([status, json.error.code, json.error.message], [400, -2, 'params.city must be one of Lisbon, Bergen'])

  const document = await client.call('rpc.discover')
  const method = document.methods.find(({ name }: Frame) => name === 'weather.today')
  assert.deepEqual(method.result.schema, { $ref: '#/components/schemas/Weather' })
  assert.deepEqual(Object.keys(document['x-extension-events']).includes('weather.asked'), true)

  const id = client.start('agent.send', {
    message: '/tool weather.lookup {"city":"Bergen"}\n/tool weather.lookup {"city":"Atlantis"}'
  })
  await client.final(id)
  assert.deepEqual(
    client
      .events(id)
      .filter(({ event }) => event === 'tool_end')
      .map(({ data }) => data.result),
    [
      { success: true, output: 'rainy in Bergen', error: null },
      { success: false, output: '', error: 'unknown city: Atlantis' }
    ]
  )
  const { findings } = await client.call('system.doctor')
  assert.ok(findings.some(({ check, message }: Frame) => check === 'weather' && message === '2 cities'))
  assert.match(await (await fetch(`${url}/metrics`)).text(), /^weather_questions_total 3$/m)

  const page = await launch(t)
  const complaints: string[] = []
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
  await page.goto(`${url}/dashboard/`)
  await page.getByRole('link', { name: 'Weather' }).click()
  await page.getByLabel('City').fill('Lisbon')
  await page.getByLabel('City').press('Enter')
  await page.getByText('sunny in Lisbon, asked 3 times').waitFor()
  assert.equal(await page.title(), 'Weather – Flynn')
  await page.getByRole('link', { name: 'Lanes' }).click()
  await page.getByText('Nothing runs and nothing waits.').waitFor()
  assert.equal(await page.getByLabel('City').count(), 0)
  await page.goto(`${url}/dashboard/#/panel/none`)
  await page.getByText('There is no panel none here').waitFor()
  assert.deepEqual(complaints, [])
})

test('third-party-channel.ts: who has its secret is answered there, once, and nobody else is heard', async (t) => {
  const heard = new Heard()
  const shoutbox = await startPlatform(t, ({ body }) => {
    heard.add(body)
    return {}
  })
  const url = await serve(t, 'third-party-channel.ts', { SHOUTBOX_SECRET: 'secret', SHOUTBOX_URL: shoutbox.url })
  const shout = async (id: string, text: string, secret = 'secret') => {
    const body = JSON.stringify({ id, room: 'hall', author: 'ann', text })
    return (await fetch(`${url}/shoutbox/events`, { method: 'POST', body, headers: { 'x-shoutbox-secret': secret } })).status
  }
  assert.equal(await shout('0', 'say no', 'wrong'), 401)
  for (const id of ['1', '1', '2']) assert.equal(await shout(id, `say hello ${id}`), 200)
  await heard.arrived(2)
  assert.deepEqual(
    heard.texts.map((body) => (({ room, text }) => [room, text])(JSON.parse(body))),
    [
      ['hall', 'hello 1'],
      ['hall', 'hello 2']
    ]
  )
})

test('node-client.ts: prints the answer as it comes, and fails when it is refused', async (t) => {
  const { url } = await build(t, { config: { server: { token: 'secret' } } })
  const env = { FLYNN_URL: url.replace('http', 'ws'), FLYNN_TOKEN: 'secret' }
  const answered = await finished(run('node-client.ts', { args: ['say', 'hello', 'there'], env }))
  assert.deepEqual([answered.code, answered.stderr], [0, ''])
  assert.match(answered.stdout, /^hello there\n\(\d+ tokens in, \d+ out\)\n$/)

  const refused = await finished(run('node-client.ts', { env: { ...env, FLYNN_TOKEN: 'wrong' } }))
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /^error -5: Authentication failed/)

  const unreachable = await finished(run('node-client.ts', { env: { ...env, FLYNN_URL: 'ws://127.0.0.1:1' } }))
  assert.equal(unreachable.code, 1)
  assert.match(unreachable.stderr, /ECONNREFUSED/)
})

test('client.ts: answers each line, and fails when it is refused', async (t) => {
  const { url } = await build(t, { config: { server: { token: 'secret' } } })
  const env = { FLYNN_URL: url.replace('http', 'ws'), FLYNN_TOKEN: 'secret' }
  const chat = run('client.ts', { env })
  chat.stdin.end('say hello there\nsay goodbye\n')
  const answered = await finished(chat)
  assert.deepEqual([answered.code, answered.stderr], [0, ''])
  assert.match(answered.stdout, /^hello there\n\(\d+ tokens in, \d+ out\)\ngoodbye\n\(\d+ tokens in, \d+ out\)\n$/)

  const refused = run('client.ts', { env: { ...env, FLYNN_TOKEN: 'wrong' } })
  refused.stdin.end('hello\n')
  const { code, stderr } = await finished(refused)
  assert.equal(code, 1)
  assert.match(stderr, /RpcError: Authentication failed/)
})

test('companion.ts: an operator shows something on it', async (t) => {
  const nodes = { enabled: true, featureGates: { notifications: true } }
  const { url } = await build(t, { config: { server: { token: 'secret', nodes } } })
  const child = run('companion.ts', { env: { FLYNN_URL: url.replace('http', 'ws'), FLYNN_TOKEN: 'secret' } })
  t.after(() => child.kill())
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  assert.equal((await lines.next()).value, 'desk offers notifications')
  const operator = await connect(t, url, { token: 'secret' })
  const call = { nodeId: 'desk', capability: 'notifications', args: { title: 'Tea is ready' } }
  assert.deepEqual((await operator.call('node.invoke', call)).output, { shown: true })
  assert.equal((await lines.next()).value, '* Tea is ready')
})

test('client-react.tsx: a component sends what is typed and shows the answer', async (t) => {
  const { url } = await build(t, { prefix: '/agent' })
  const bundle = await rolldown({ input: path.join(project, 'client-react.tsx'), external: /^[^./]/ })
  await bundle.write({ file: path.join(project, 'client-react.js') })
  await bundle.close()
  await writeFile(
    path.join(project, 'react.mjs'),
    `import { Window } from 'happy-dom'
const window = new Window({ url: '${url}' })
const { document, location, localStorage } = window
for (const [name, value] of Object.entries({ window, document, location, localStorage })) {
  Object.defineProperty(globalThis, name, { value, configurable: true })
}
document.body.innerHTML = '<main></main>'
const shows = async (text) => {
  while (!document.body.textContent.includes(text)) await new Promise((resolve) => setTimeout(resolve, 5))
}
await import('./client-react.js')
await shows('connected')
const input = document.querySelector('input')
Object.getOwnPropertyDescriptor(window.HTMLInputElement.prototype, 'value').set.call(input, 'say hello from React')
input.dispatchEvent(new window.Event('input', { bubbles: true }))
document.querySelector('form').requestSubmit()
await shows('hello from React\\nhello from React')
console.log(JSON.stringify(input.value))
process.exit()`
  )
  const { stdout, stderr } = await finished(run('react.mjs'))
  assert.equal(stdout, '""\n', stderr)
})

test('client-page.ts: a page of the host talks to the gateway', async (t) => {
  const url = await serve(t, 'client-page.ts')
  const page = await launch(t)
  await page.goto(url)
  await page.getByRole('status').filter({ hasText: 'connected' }).waitFor()
  await page.getByLabel('Message').fill('say hello from a page')
  await page.getByRole('button').click()
  await page.locator('output').filter({ hasText: 'hello from a page' }).waitFor()
  await page.waitForFunction(() => (globalThis as unknown as { localStorage: { length: number } }).localStorage.length === 0)
})
