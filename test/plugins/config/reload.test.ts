import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import test, { type TestContext } from 'node:test'
import type { ConfigInput } from '../../../plugins/config/index.ts'
import { build, connect, type Frame, rejection, type TestGateway } from '../../helper.ts'
import { startModelServer } from '../../model-server.ts'
import { post } from '../../routes/post.ts'

const ADMIN = 'token-of-the-admin'
const OTHER = 'token-of-another'

interface Reloadable extends TestGateway {
  /** Content of the next reload. */
  next(config: ConfigInput): void
  reload(): Promise<Frame>
}

async function gateway(t: TestContext, config: ConfigInput): Promise<Reloadable> {
  let next = config
  const running = await build(t, { config, reload: async () => ({ ...next, dataDir: running.dataDir }) as ConfigInput })
  return {
    ...running,
    next: (config) => {
      next = config
    },
    reload: () => running.app.configStore.reload('test') as Promise<Frame>
  }
}

const tokens = (...list: [name: string, token: string, scopes?: 'read'[]][]) =>
  list.map(([name, token, scopes = ['read']]) => ({ name, token, scopes }))

test('config.reload answers what has changed; config.get shows it; the audit log has who and what', async (t) => {
  const { url, next } = await gateway(t, { server: { token: ADMIN } })
  const client = await connect(t, url, { token: ADMIN })
  next({ server: { token: ADMIN, port: 5 }, agent: { max_steps: 7 } })
  assert.deepEqual(await client.call('config.reload'), {
    success: true,
    changed: ['agent.max_steps'],
    restartRequired: ['server.port']
  })
  const shown = await client.call('config.get')
  assert.deepEqual([shown.agent.maxSteps, shown.server.port, shown.server.token], [7, 18800, '***'])
  const { entries } = await client.call('system.audit', { event: 'config.reload' })
  assert.deepEqual(
    entries.map(({ actor, detail }: Frame) => [actor, detail]),
    [['token:default', { success: true, changed: ['agent.max_steps'], restartRequired: ['server.port'] }]]
  )
})

test('config.reload of an embedded gateway names the host', async (t) => {
  const { url } = await build(t)
  const error = await rejection((await connect(t, url)).call('config.reload'))
  assert.equal(error.code, -2)
  assert.match(error.message, /embeds/)
})

test('an invalid configuration is refused with every problem', async (t) => {
  const { url, next } = await gateway(t, { server: { token: ADMIN } })
  next({ server: { prot: 1 }, log: { level: 'loud' } } as unknown as ConfigInput)
  const { status, json } = await post(url, 'config.reload', {}, { token: ADMIN })
  assert.deepEqual([status, json.error.code, json.error.data.problems.length], [400, -2, 2])
  assert.match(json.error.message, /server\.prot is not known; did you mean port\?/)
  assert.equal((await post(url, 'config.get', {}, { token: ADMIN })).status, 200)
})

test('connections of a token that is gone, has another secret or other scopes are closed; all others stay', async (t) => {
  const { url, next, reload } = await gateway(t, {
    server: { token: ADMIN, tokens: tokens(['same', 'a'], ['gone', 'b'], ['rotated', 'c'], ['demoted', 'd']) }
  })
  const clients = await Promise.all([ADMIN, 'a', 'b', 'c', 'd'].map((token) => connect(t, url, { token })))
  const closed = clients.slice(2).map((client) => client.closed())
  // The same ones in another order are the same.
  next({
    server: {
      token: ADMIN,
      tokens: [{ name: 'demoted', token: 'd', scopes: ['write'] }, ...tokens(['rotated', 'C'], ['same', 'a'])]
    }
  })
  await reload()
  for (const end of closed) assert.deepEqual(await end, { code: 1008, reason: 'the credential no longer counts' })
  for (const client of clients.slice(0, 2)) assert.ok(await client.call('system.info'))
  assert.equal((await post(url, 'system.info', {}, { token: 'c' })).status, 401)
  assert.equal((await post(url, 'system.info', {}, { token: 'C' })).status, 200)
})

test('what a connection sends after its credential is gone is not begun', async (t) => {
  const { url, app, next, reload } = await gateway(t, { server: { token: ADMIN, tokens: tokens(['gone', OTHER]) } })
  const client = await connect(t, url, { token: OTHER })
  await client.call('system.info')
  next({ server: { token: ADMIN } })
  let calls = 0
  const { call } = app.rpc
  app.rpc.call = (...args) => {
    calls++
    return call.apply(app.rpc, args)
  }
  // Its frames come before its end: the close frame has not been read yet.
  app.configStore.onChange(() => client.start('system.info'))
  const end = client.closed()
  await reload()
  assert.equal((await end).code, 1008)
  assert.equal(calls, 0)
})

test('a caller that removes its own token gets the answer before the close', async (t) => {
  const { url, next } = await gateway(t, { server: { token: ADMIN } })
  const client = await connect(t, url, { token: ADMIN })
  next({ server: { token: OTHER } })
  const end = client.closed()
  assert.deepEqual((await client.call('config.reload')).changed, ['server.token'])
  assert.equal((await end).code, 1008)
})

test('the first token of an open gateway ends every connection without one', async (t) => {
  const { url, app, next, reload } = await gateway(t, {})
  const clients = await Promise.all([connect(t, url), connect(t, url)])
  const ends = clients.map((client) => client.closed())
  next({ server: { token: ADMIN } })
  await reload()
  for (const end of ends) assert.equal((await end).code, 1008)
  assert.equal(app.auth.open, false)
  assert.equal((await post(url, 'system.info', {})).status, 401)
  assert.ok(await (await connect(t, url, { token: ADMIN })).call('system.info'))
})

test('the session cookie of a token that changed no longer counts', async (t) => {
  const { url, next, reload } = await gateway(t, { server: { token: ADMIN } })
  const signIn = await fetch(`${url}/auth/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token: ADMIN })
  })
  const cookie = signIn.headers.get('set-cookie')!.split(';')[0]!
  const client = await connect(t, url, { headers: { cookie } })
  const asked = () => fetch(`${url}/api/health`, { headers: { cookie } })
  assert.equal((await asked()).status, 200)
  const end = client.closed()
  next({ server: { token: OTHER } })
  await reload()
  assert.equal((await end).code, 1008)
  assert.equal((await asked()).status, 401)
})

test('a Tailscale login that is no longer allowed is sent away, another one stays', async (t) => {
  const server = { token: ADMIN, tailscale_identity: true, tailscale_allowed_logins: ['ann@x.org', 'bob@x.org'] }
  const { url, next, reload } = await gateway(t, { server })
  const as = (login: string) => ({
    headers: { 'tailscale-user-login': login, 'x-forwarded-for': '100.64.0.1', host: 'box.tail.ts.net' }
  })
  const ann = await connect(t, url, as('ann@x.org'))
  const bob = await connect(t, url, as('bob@x.org'))
  const end = ann.closed()
  next({ server: { ...server, tailscale_allowed_logins: ['bob@x.org'] } })
  await reload()
  assert.equal((await end).code, 1008)
  assert.ok(await bob.call('system.info'))
})

test('a lockout survives a reload', async (t) => {
  const { url, next, reload } = await gateway(t, { server: { token: ADMIN } })
  for (let tries = 0; tries < 10; tries++) await post(url, 'system.info', {}, { token: 'wrong' })
  next({ server: { token: OTHER } })
  await reload()
  assert.equal((await post(url, 'system.info', {}, { token: 'wrong' })).status, 429)
  assert.equal((await post(url, 'system.info', {}, { token: OTHER })).status, 200)
})

test('what other parts do with it changes at once: origins, queues, pairing, presence, gates of nodes', async (t) => {
  const nodes = { enabled: true, feature_gates: { 'ui.canvas': true, camera: true } }
  const { url, app, next, reload } = await gateway(t, { server: { nodes } })
  const node = await connect(t, url)
  await node.call('node.register', { nodeId: 'n', role: 'companion', protocolVersion: 1, capabilities: ['ui.canvas', 'camera'] })
  next({
    server: { nodes: { ...nodes, feature_gates: { camera: true } }, allowed_origins: ['https://a.example'] },
    lanes: { default: { cap: 3 }, channels: { telegram: { mode: 'collect' } } },
    agent: { run_timeout_seconds: 7 },
    pairing: { default: 'open', channels: { telegram: 'required' } }
  })
  await reload()
  assert.deepEqual((await node.call('node.capabilities.get')).capabilities.enabled, ['camera'])
  assert.deepEqual((await app.lanes.policies.describe('telegram:1')).policy.cap, 3)
  assert.deepEqual((await app.lanes.policies.describe('telegram:1')).policy.mode, 'collect')
  assert.equal(app.lanes.runTimeoutMs, 7000)
  assert.equal(app.pairing.policy('telegram'), 'required')
  assert.equal(app.pairing.policy('teams'), 'open')
  assert.ok(await connect(t, url, { headers: { origin: 'https://a.example' } }))
  const gone = node.closed()
  next({ server: { nodes: { ...nodes, allowed_roles: ['other'] } } })
  await reload()
  assert.equal((await gone).code, 1008)
})

test('a model that cannot be made refuses the reload, also beside changes that could', async (t) => {
  const { app, next, reload } = await gateway(t, { agent: { max_steps: 1 } })
  next({ agent: { max_steps: 2 }, models: { default: { acme: { model: 'm' } } } })
  const { kind, message } = await rejection(reload())
  assert.equal(kind, 'InvalidRequest')
  assert.match(message, /models\.default\.acme: unknown provider/)
  assert.deepEqual([app.config.agent.maxSteps, app.providers.describe('default').offline], [1, true])
})

test('a run goes on with the models it began with, the next one has the new ones', async (t) => {
  const [before, after] = [await startModelServer(t), await startModelServer(t)]
  const models = (baseUrl: string) => ({ default: { openai_compatible: { baseUrl, model: 'm' } } })
  const { url, next, reload, app } = await gateway(t, { models: models(before.baseUrl) })
  const client = await connect(t, url)
  const gate = Promise.withResolvers<void>()
  before.reply({ toolCalls: [{ name: 'file_list', args: {} }], until: gate.promise }, { text: 'from before' })
  after.reply({ text: 'from after' })
  const asked = before.next()
  const answer = client.call('agent.send', { message: 'list the files' })
  const { socket } = await asked
  const disconnected = once(socket, 'close')
  next({ models: models(after.baseUrl) })
  await reload()
  gate.resolve()
  assert.equal((await answer).content, 'from before')
  assert.equal(before.requests.length, 2)
  // Unused from here on.
  await disconnected
  assert.equal((await client.call('agent.send', { message: 'again' })).content, 'from after')
  assert.equal(app.providers.describe('default').model, 'm')
})

/** A request of each platform with its secret, and the section that configures it. */
const PLATFORMS: Readonly<
  Record<string, { config(secret: string): ConfigInput; path(secret: string): string; body: object; ok: number }>
> = {
  webhooks: {
    config: (secret) => ({ webhooks: { deploys: { secret, signature: 'github' } } }),
    path: () => '/webhooks/deploys',
    body: { ref: 'main' },
    ok: 202
  },
  gmail: {
    config: (secret) => ({
      gmail: {
        account: 'me@example.com',
        topic: 'projects/p/topics/t',
        subscription: 'projects/p/subscriptions/s',
        push_token: secret,
        client_id: 'c',
        client_secret: 's',
        refresh_token: 'r',
        token_url: 'http://127.0.0.1:1',
        api_url: 'http://127.0.0.1:1'
      }
    }),
    path: (secret) => `/gmail/push?token=${secret}`,
    body: {
      subscription: 'projects/p/subscriptions/s',
      message: { data: Buffer.from('{"emailAddress":"other@example.com","historyId":1}').toString('base64') }
    },
    ok: 204
  },
  google_chat: {
    config: (secret) => ({ google_chat: { verification_token: secret, client_email: 'c@example.com', private_key: 'k' } }),
    path: () => '/google-chat/events',
    body: { type: 'REMOVED_FROM_SPACE' },
    ok: 200
  },
  bluebubbles: {
    config: (secret) => ({ bluebubbles: { token: secret, server_url: 'http://127.0.0.1:1', password: 'p' } }),
    path: (secret) => `/bluebubbles/events?token=${secret}`,
    body: { type: 'typing-indicator' },
    ok: 200
  }
}

for (const [name, { config, path, body, ok }] of Object.entries(PLATFORMS)) {
  test(`a reload opens ${name}, has a new secret count at once and the old one no longer, and closes it`, async (t) => {
    const { url, next, reload } = await gateway(t, {})
    let sent = 0
    const send = async (secret: string): Promise<number> => {
      const text = JSON.stringify({ ...body, ...(name === 'google_chat' ? { token: secret } : {}), n: sent++ })
      const signature = createHmac('sha256', secret).update(text).digest('hex')
      const headers = { 'content-type': 'application/json', 'x-hub-signature-256': `sha256=${signature}` }
      return (await fetch(`${url}${path(secret)}`, { method: 'POST', headers, body: text })).status
    }
    assert.equal(await send('first-secret'), 503)
    next(config('first-secret'))
    await reload()
    assert.deepEqual([await send('first-secret'), await send('second-secret')], [ok, 401])
    next(config('second-secret'))
    await reload()
    assert.deepEqual([await send('first-secret'), await send('second-secret')], [401, ok])
    next({})
    await reload()
    assert.equal(await send('second-secret'), 503)
  })
}
