import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { KindGuard, type TSchema } from '@sinclair/typebox'
import Fastify from 'fastify'
import gateway from '../app.ts'
import { ConfigSource } from '../plugins/config/index.ts'
import { camelCase } from '../plugins/config/parse/names.ts'
import { ConfigSchema } from '../plugins/config/schema.ts'
import { connect, type Frame, scratch } from './helper.ts'
import { startModelServer } from './model-server.ts'
import { stop, up } from './program.ts'
import { post } from './routes/post.ts'

/** Each looks like nothing, and is written differently in JSON, in a URL and in base64. */
const canary = (name: string): string => `${name} sings/"in"+the=mine`
const ADMIN = canary('admin')
const KEY = canary('key')
/** Nobody answers there. */
const NOWHERE = 'http://127.0.0.1:1'
/** Where only some characters are allowed. */
const IN_QUERY = 'query-canary-sings-in-the-mine'
/** In a URL: there it has to be one. */
const IN_URL = 'url-canary-sings-in-the-mine'
const SECRET_KEY = Buffer.from('a canary of thirty-two bytes ...').toString('base64')

/** A secret in every place that the schema has for one. */
const PLANTED = (baseUrl: string) => ({
  server: {
    token: ADMIN,
    tokens: [{ name: 'ops', token: canary('ops'), scopes: ['operate'] }],
    secret_key: SECRET_KEY,
    nodes: {
      push: {
        apns: { team_id: 'T', key_id: 'K', private_key: canary('apns'), url: NOWHERE, sandbox_url: NOWHERE },
        fcm: { project_id: 'p', client_email: 'f@example.com', private_key: canary('fcm'), api_url: NOWHERE, token_url: NOWHERE }
      }
    }
  },
  models: {
    default: { openai_compatible: { base_url: baseUrl, model: 'm', api_key: KEY, headers: { 'x-key': canary('model header') } } }
  },
  agent: { system_prompt: `Never say ${KEY}.` },
  tools: {
    mcp: {
      program: { command: 'a-program-that-is-not-there', env: { TOKEN: canary('env') } },
      remote: { url: `http://127.0.0.1:1/mcp?key=${IN_URL}`, headers: { authorization: canary('header') } }
    }
  },
  webhooks: { deploys: { secret: canary('hook'), secrets: [canary('older hook')], signature: 'github' } },
  gmail: {
    account: 'me@example.com',
    topic: 'projects/p/topics/t',
    subscription: 'projects/p/subscriptions/s',
    push_token: IN_QUERY,
    client_id: 'client',
    client_secret: canary('client'),
    refresh_token: canary('refresh'),
    keys_url: NOWHERE,
    token_url: NOWHERE,
    api_url: NOWHERE
  },
  teams: { app_id: 'app', app_password: canary('app'), openid_url: NOWHERE, login_url: NOWHERE },
  telegram: { token: `123456:${IN_QUERY}`, webhook_secret: 'telegram-canary-sings-in-the-mine', api_root: NOWHERE },
  google_chat: {
    verification_token: canary('verification'),
    client_email: 'chat@example.com',
    private_key: canary('private'),
    oidc_keys_url: NOWHERE,
    chat_keys_url: NOWHERE,
    token_url: NOWHERE,
    api_url: NOWHERE
  },
  bluebubbles: { token: canary('blue'), server_url: NOWHERE, password: canary('bubbles') }
})

/** `server.tokens[].token`: with `*` where a name is chosen. */
function secretPaths(schema: TSchema, path = ''): string[] {
  if (schema.secret) return [path]
  const parts: [string, TSchema][] = Object.entries({ ...schema.properties, ...schema.patternProperties } as Record<
    string,
    TSchema
  >)
  const inside = parts.flatMap(([key, part]) => secretPaths(part, `${path}.${KindGuard.IsRecord(schema) ? '*' : key}`))
  return schema.items ? secretPaths(schema.items, `${path}[]`) : inside
}

/** Every text at such a path. */
function textsAt(value: unknown, path: string): string[] {
  if (path === '') return typeof value === 'string' ? [value] : []
  const [, list, key, rest] = /^(?:(\[\])|\.([\w*]+))(.*)$/.exec(path)!
  if (list) return (Array.isArray(value) ? value : []).flatMap((item) => textsAt(item, rest!))
  if (typeof value !== 'object' || value === null) return []
  const parts = Object.entries(value).filter(([name]) => key === '*' || name === key || name === camelCase(key!))
  return parts.flatMap(([, part]) => textsAt(part, rest!))
}

/** A gateway with this one needs a PostgreSQL server: test/db/postgres.test.ts looks for its password. */
const ELSEWHERE = '.database.url'

test('the canaries sit in every place that the schema has for a secret', () => {
  const planted = PLANTED('http://127.0.0.1:1/v1')
  for (const path of secretPaths(ConfigSchema).filter((one) => one !== ELSEWHERE))
    assert.ok(textsAt(planted, path).length > 0, `plant a secret at ${path}`)
})

/** In all the ways in which it may be written. */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret)
  return [
    secret,
    JSON.stringify(secret).slice(1, -1),
    JSON.stringify(JSON.stringify(secret)).slice(3, -3),
    encodeURIComponent(secret),
    bytes.toString('base64'),
    bytes.toString('base64url'),
    bytes.toString('hex')
  ]
}

function assertSilent(where: string, text: string, secrets: readonly string[]): void {
  for (const secret of secrets) {
    for (const form of formsOf(secret)) {
      const at = text.indexOf(form)
      assert.ok(at < 0, `${where}: ${text.slice(Math.max(0, at - 200), at + 100)}`)
    }
  }
}

/** What is said in a file that cannot be used. The secrets of `FRESH` have never been in force. */
const FRESH = 'fresh-canary-sings-in-the-mine'
const BROKEN = [
  FRESH,
  `server: { token: ${FRESH}, prot: 1 }`,
  `server: { token:${FRESH} }`,
  `server:\n  token:${FRESH}\n  port: 1\n`,
  `server: { token: *${FRESH} }`,
  `server: { token: !${FRESH} x }`,
  `server: { token: @${FRESH} }`,
  `server: { token: "${FRESH} }`,
  `server: { token: [${FRESH}] }`,
  `server: { tokens: ${FRESH} }`,
  `server: { token: { ${FRESH}: 1 } }`,
  `server: { secret_key: ${FRESH} }`,
  `server: { token: ${FRESH}\n  port: 1 }`,
  `token: ${FRESH}\nserver: {}\n\ttoken: ${FRESH}`,
  `models: { default: { openai: { model: m, base_url: "https://user:${FRESH}@host/v1" } } }`,
  `models: { default: { openai: { model: m, base_url: "https://host/v1?key=${FRESH}" } } }`,
  `models: { default: { openai: ${FRESH} } }`,
  // One that is in force, in a place that quotes what is written there.
  `server: { port: ${JSON.stringify(ADMIN)} }`,
  `log: { level: ${JSON.stringify(KEY)} }`,
  `server: { ${JSON.stringify(KEY)}: 1 }`
]

/** What platforms send: with their secret and with one that is nearly it, where they put it. */
function askPlatforms(url: string): Promise<Response>[] {
  const { gmail, telegram, google_chat, bluebubbles } = PLANTED(url)
  const notice = { message: { data: Buffer.from('{"emailAddress":"me@example.com","historyId":1}').toString('base64') } }
  const event = { type: 'MESSAGE', token: google_chat.verification_token }
  const asked: [path: string, body: object, headers?: Record<string, string>][] = [
    [`/gmail/push?token=${gmail.push_token}`, { ...notice, subscription: gmail.subscription }],
    [`/gmail/push?token=${gmail.push_token}x`, { ...notice, subscription: gmail.subscription }],
    ['/teams/events', { type: 'message' }, { authorization: `Bearer ${IN_QUERY}` }],
    ['/telegram/events', { update_id: 1 }, { 'x-telegram-bot-api-secret-token': `${telegram.webhook_secret}x` }],
    ['/google-chat/events', event],
    ['/google-chat/events', { ...event, token: `${event.token}x` }, { authorization: `Bearer ${IN_QUERY}` }],
    [`/bluebubbles/events?token=${encodeURIComponent(bluebubbles.token)}`, { type: 'typing-indicator' }],
    [`/bluebubbles/events?guid=${encodeURIComponent(`${bluebubbles.token}x`)}`, { type: 'typing-indicator' }],
    [`/webhooks/deploys?token=${IN_QUERY}`, { ref: 'main' }, { 'x-hub-signature-256': `sha256=${IN_QUERY}` }],
    [`/webhooks/${IN_QUERY}`, {}, {}]
  ]
  return asked.map(([path, body, headers]) =>
    fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body)
    })
  )
}

/** They change the machine, and what they may change is not the gateway's. */
const UNTOUCHED = /control/i

async function rig(t: TestContext) {
  const model = await startModelServer(t)
  const folder = await scratch(t)
  const file = join(folder, 'flynn.yaml')
  const log: string[] = []
  const host = Fastify({
    forceCloseConnections: true,
    logger: { level: 'trace', stream: { write: (line: string) => void log.push(line) } }
  })
  const planted = { ...PLANTED(model.baseUrl), data_dir: folder }
  await writeFile(file, JSON.stringify(planted))
  const source = new ConfigSource({ env: {}, file })
  await host.register(gateway, { config: await source.load(), reload: () => source.load() })
  t.after(() => host.close())
  await host.listen({ port: 0, host: '127.0.0.1' })
  const url = `http://127.0.0.1:${(host.server.address() as AddressInfo).port}`
  const secrets = secretPaths(ConfigSchema).flatMap((path) => textsAt(planted, path))
  return { model, folder, file, planted, log, url, app: host.gateway, secrets: [...secrets, IN_QUERY, IN_URL, FRESH] }
}

test('no secret of the configuration is in any frame, event, answer, error, log line, or in the database', async (t) => {
  const { model, folder, file, planted, log, url, app, secrets } = await rig(t)
  const client = await connect(t, url, { token: ADMIN })
  await client.call('system.hello', { events: ['queue', 'shutdown'] })
  const bodies: string[] = []

  // Providers that tell what they were sent.
  for (const status of [400, 401, 500]) {
    model.reply({ status, message: `${KEY} is no key; Authorization: Bearer ${KEY}; ${Buffer.from(KEY).toString('base64')}` })
    await client.final(client.start('agent.send', { message: 'hello' }))
  }
  model.reply({ redirect: `http://user:${encodeURIComponent(KEY)}@127.0.0.1:1/` })
  await client.final(client.start('agent.send', { message: 'hello' }))

  for (const { name, examples = [] } of app.rpc.list()) {
    if (name === 'system.disconnect' || UNTOUCHED.test(name)) continue
    for (const params of [{}, { nonsense: 1 }, ...examples.map(({ params }) => params)] as Frame[]) {
      await client.final(client.start(name, params))
      bodies.push((await post(url, name, params, { token: ADMIN })).text)
    }
    // With a credential that is not enough, or wrong.
    bodies.push((await post(url, name, {}, { token: canary('ops') })).text)
  }
  bodies.push((await post(url, 'system.info', {}, { token: `${ADMIN}x` })).text)

  for (const text of BROKEN) {
    await writeFile(file, text)
    const { error } = await client.final(client.start('config.reload'))
    assert.equal(error?.code, -2, text)
  }
  await writeFile(file, JSON.stringify({ ...planted, server: { ...planted.server, tokens: [], token: ADMIN } }))
  assert.deepEqual((await client.call('config.reload')).changed, ['server.tokens'])

  for (const path of ['/', '/health', '/api/health', '/ready', '/openrpc.json', '/nothing']) {
    for (const headers of [{}, { authorization: `Bearer ${ADMIN}` }] as Record<string, string>[]) {
      bodies.push(await (await fetch(`${url}${path}`, { headers })).text())
    }
  }
  for (const request of askPlatforms(url)) bodies.push(await (await request).text())
  await client.call('system.audit', { limit: 500 })

  for (const frame of client.frames) assertSilent('a frame', JSON.stringify(frame), secrets)
  for (const body of bodies) assertSilent('an answer', body, secrets)
  for (const line of log) assertSilent('the log', line, secrets)
  for (const name of ['flynn.db', 'flynn.db-wal']) {
    assertSilent('the database', await readFile(join(folder, name), 'latin1').catch(() => ''), secrets)
  }
  assert.ok(client.frames.length > 100 && log.length > 20, 'something was said')
})

test('the log of a process at level debug has no secret in it, whoever logged it, and no query string', async (t) => {
  const folder = await scratch(t)
  const planted = PLANTED(NOWHERE)
  const chatty = { command: process.execPath, args: ['-e', `console.error(process.env.SAID, ${JSON.stringify(KEY)})`] }
  await writeFile(
    join(folder, 'flynn.yaml'),
    JSON.stringify({ ...planted, tools: { mcp: { ...planted.tools.mcp, chatty } }, log: { level: 'debug' }, data_dir: folder })
  )
  const running = await up(t, folder)
  const { url, log } = running
  for (const request of askPlatforms(url)) await request
  await fetch(`${url}/nothing/${encodeURIComponent(ADMIN)}/${IN_QUERY}?query=${IN_URL}&tail=seen-by-nobody`)
  await running.line('/nothing/')
  // It is started for whoever asks for tools, and prints a secret that is none of its own.
  const asking = post(url, 'tools.list', {}, { token: ADMIN })
  await running.line('output of an MCP server')
  await asking
  const { json } = await post(url, 'system.serviceLogs', { sourceId: 'systemd:flynn', lines: 2000 }, { token: ADMIN })
  const lines = json.result.lines.map(({ text }: Frame) => text as string)
  assert.ok(lines.some((text: string) => text.includes('/nothing/***') && json.result.redacted))
  assert.ok(lines.some((text: string) => text.startsWith('output of an MCP server')))
  const secrets = secretPaths(ConfigSchema).flatMap((path) => textsAt(planted, path))
  for (const line of [...log, ...lines]) {
    assertSilent('the log', line, [...secrets, IN_QUERY, IN_URL])
    assert.doesNotMatch(line, /seen-by-nobody|[?&](?:token|guid|query)=/)
  }
  assert.equal(await stop(running), 0)
})
