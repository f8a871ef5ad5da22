import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import test, { type TestContext } from 'node:test'
import Fastify from 'fastify'
import gateway from '../../../app.ts'
import type { ConfigInput } from '../../../plugins/config/index.ts'
import { scratch } from '../../helper.ts'
import { finish, SERVER, stop, up } from '../../program.ts'
import { startIssuer } from './issuer.ts'
import { Heard, startPlatform } from './platform.ts'

const ROUTES = [
  '/webhooks/ci',
  '/gmail/push',
  '/teams/events',
  '/google-chat/events',
  '/bluebubbles/events',
  '/telegram/events'
] as const

/** Must be in no log. */
const CANARY = 'canary-5f1e-of-a-secret'

/** A gateway on a host that writes a log as Fastify does by itself: with the URL of each request. */
async function logged(t: TestContext, config: ConfigInput) {
  const lines: string[] = []
  const host = Fastify({ logger: { level: 'trace', stream: { write: (line: string) => void lines.push(line) } } })
  t.after(() => host.close())
  await host.register(gateway, { config: { dataDir: await scratch(t), ...config } })
  const url = await host.listen({ port: 0, host: '127.0.0.1' })
  return { url, lines, app: host.gateway }
}

/** A complete configuration with addresses where nothing listens. */
const configured = (nobody: string, openidUrl: string, oidcKeysUrl: string): ConfigInput => ({
  server: { token: 'token-of-the-gateway' },
  webhooks: { ci: { secret: CANARY, signature: 'hex' } },
  gmail: {
    account: 'a@example.com',
    topic: 't',
    subscription: 's',
    pushToken: CANARY,
    clientId: 'c',
    clientSecret: CANARY,
    refreshToken: CANARY,
    tokenUrl: nobody,
    apiUrl: nobody
  },
  teams: { appId: 'app', appPassword: CANARY, openidUrl, loginUrl: nobody },
  googleChat: { audience: 'us', clientEmail: 'c@example.com', privateKey: CANARY, oidcKeysUrl, tokenUrl: nobody },
  bluebubbles: { token: CANARY, serverUrl: nobody, password: CANARY },
  telegram: { token: `123456:${CANARY}`, webhookSecret: CANARY, apiRoot: nobody }
})

/** An address where nothing listens any longer. */
async function gone(): Promise<string> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return `http://127.0.0.1:${port}`
}

test('each route refuses who has no right to it, whatever it is sent, and no secret of it is in a log', async (t) => {
  const issuer = await startIssuer(t)
  const openid = await startPlatform(t, () => ({ json: { jwks_uri: issuer.jwksUrl } }))
  const config = configured(await gone(), openid.url, issuer.jwksUrl)
  const { url, lines } = await logged(t, config)
  for (const route of ROUTES) {
    for (const body of ['{"a":', '[]', 'x'.repeat(100), '{"__proto__":1}']) {
      const headers = { authorization: 'Bearer wrong', 'x-signature': 'ff', 'x-telegram-bot-api-secret-token': 'wrong' }
      const { status } = await fetch(`${url}${route}?token=wrong-${CANARY}`, { method: 'POST', body, headers })
      assert.equal(status, 401, `${route} ${body}`)
    }
  }
  // Those that the right one opens by a URL or a header, and whose platform is then not there.
  const update = {
    update_id: 1,
    message: { message_id: 1, date: 1, from: { id: 7, first_name: 'A' }, chat: { id: 7 }, text: 'x' }
  }
  const telegram = { 'x-telegram-bot-api-secret-token': CANARY }
  const post = (to: string, body: unknown, headers = {}) =>
    fetch(`${url}${to}`, { method: 'POST', body: JSON.stringify(body), headers })
  assert.equal((await post('/telegram/events', update, telegram)).status, 503)
  assert.equal((await post(`/bluebubbles/events?token=${CANARY}`, {})).status, 200)
  assert.equal((await post(`/gmail/push?token=${CANARY}`, { message: { data: '' }, subscription: 's' })).status, 204)
  assert.ok(lines.length > ROUTES.length)
  assert.deepEqual(
    lines.filter((line) => line.includes(CANARY)),
    []
  )
})

test('with nothing configured each route answers 503, and one line at the start says what would open it', async (t) => {
  const { url, lines } = await logged(t, {})
  const line = lines.map((text) => JSON.parse(text)).filter(({ msg }) => msg.includes('not configured'))
  assert.equal(line.length, 1)
  for (const route of ROUTES) {
    assert.equal((await fetch(`${url}${route}`, { method: 'POST', body: '{}' })).status, 503, route)
    assert.ok(line[0].missing[route.replace('/ci', '/:name')].length > 0, route)
  }
})

test('what a webhook brought before the process was killed is answered by the next one, once', { timeout: 60_000 }, async (t) => {
  const cwd = await scratch(t)
  const heard = new Heard()
  let down = true
  const receiver = await startPlatform(t, ({ json }) => {
    if (down) return { status: 503 }
    heard.add(json.content)
    return {}
  })
  await writeFile(
    path.join(cwd, 'flynn.yaml'),
    `lanes: { recovery: retry }
webhooks: { ci: { allow_unsigned: true, signature: hex, id_header: x-id, session: "ci:{{body.n}}", template: "say {{body.n}}", deliver_to: "${receiver.url}/in" } }\n`
  )
  const first = await up(t, cwd)
  const post = (url: string, n: number) =>
    fetch(`${url}/webhooks/ci`, { method: 'POST', body: JSON.stringify({ n }), headers: { 'x-id': `id ${n}` } })
  for (let n = 0; n < 20; n++) assert.equal((await post(first.url, n)).status, 202)
  while (receiver.requests.length === 0) await new Promise(setImmediate)
  await stop(first, 'SIGKILL')
  down = false
  const second = await up(t, cwd)
  for (let n = 0; n < 20; n++) assert.equal((await post(second.url, n)).status, 202)
  await heard.arrived(20)
  assert.equal((await post(second.url, 20)).status, 202)
  while (!heard.texts.includes('20')) await heard.arrived(heard.texts.length + 1)
  assert.deepEqual(
    heard.texts.map((text) => text.replace(/\D*(\d+).*/s, '$1')).sort((one, other) => Number(one) - Number(other)),
    Array.from({ length: 21 }, (_, n) => String(n))
  )
  assert.equal(await stop(second), 0)
})

test('a gateway that no platform is configured for loads nothing for any of them', async (t) => {
  const cwd = await scratch(t)
  const probe = path.join(cwd, 'probe.mjs')
  await writeFile(
    probe,
    `import { registerHooks } from 'node:module'
const loaded = new Set()
registerHooks({ load(url, context, next) { loaded.add(/node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(url)?.[1]); return next(url, context) } })
process.once('exit', () => process.stderr.write('LOADED ' + [...loaded].join(' ')))
`
  )
  const child = spawn(process.execPath, ['--import', probe, SERVER, '--port', '0'], { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(() => child.kill('SIGKILL'))
  child.stdout.on('data', (line) => String(line).includes('Flynn gateway on') && child.kill())
  const { stderr } = await finish(child)
  assert.match(stderr, /LOADED .*fastify/s)
  assert.doesNotMatch(stderr, /\b(?:jose|grammy|nodemailer)\b/)
})
