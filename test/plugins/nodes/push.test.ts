import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import test, { type TestContext } from 'node:test'
import type { PushMessage, PushSent, PushService, PushTarget } from '../../../plugins/nodes/push.ts'
import { connect, rejection } from '../../helper.ts'
import { startPlatform } from '../channels/platform.ts'
import { core, gateway, node, ON } from './fixtures.ts'

const TOKEN = 'fcm_abcdefghijklmnopqrstuvwxyz123456'
const NEVER = new AbortController().signal

/** Nodes whose push service says what the test wants. */
async function rig(t: TestContext, { now = 1000, missing = [] as string[] } = {}) {
  const asked: { target: PushTarget; message: PushMessage }[] = []
  const audited: Record<string, unknown>[] = []
  let sent: PushSent = { id: 'message-1' }
  let meanwhile = async () => {}
  const service: PushService = {
    name: 'fcm',
    missing: () => missing,
    async send(target, message) {
      asked.push({ target, message })
      await meanwhile()
      return sent
    }
  }
  const record = (event: string, actor: string, detail?: object) => void audited.push({ event, actor, ...detail })
  const { nodes, db, register } = await core(t, { now: () => now, audit: { record } })
  nodes.pushServices.add(service)
  const phone = await register('phone')
  await nodes.setPushToken(phone, { provider: 'fcm', token: TOKEN })
  const says = (next: PushSent, then = async () => {}) => {
    sent = next
    meanwhile = then
  }
  const push = (params: object = { title: 'Tea' }) =>
    nodes.push({ nodeId: 'phone', ...params }, { actor: 'token:ops', signal: NEVER })
  return { nodes, db, phone, asked, audited, says, push, stored: async () => (await db.nodes.get('phone'))?.push ?? null }
}

test('a node is reached by its token, connected or not', async (t) => {
  const { push, phone, asked, audited } = await rig(t)
  phone.end()
  const answer = await push({ title: 'Tea', body: 'is ready', data: { pot: '1' } })
  assert.deepEqual(answer, { nodeId: 'phone', provider: 'fcm', delivered: true, messageId: 'message-1' })
  assert.deepEqual(asked, [
    {
      target: { token: TOKEN, environment: undefined, topic: undefined },
      message: { title: 'Tea', body: 'is ready', data: { pot: '1' } }
    }
  ])
  assert.deepEqual(audited, [{ event: 'node.push', actor: 'token:ops', nodeId: 'phone', provider: 'fcm', delivered: true }])
})

test('a token that is gone is removed, and then there is none', async (t) => {
  const { push, says, stored, audited } = await rig(t)
  says({ reason: 'UNREGISTERED', gone: {} })
  assert.deepEqual(await push(), {
    nodeId: 'phone',
    provider: 'fcm',
    delivered: false,
    reason: 'UNREGISTERED',
    tokenRemoved: true,
    retryable: false
  })
  assert.equal(await stored(), null)
  assert.equal(audited[0]?.reason, 'UNREGISTERED')
  const error = await rejection(push())
  assert.deepEqual([error.code, error.message], [-2, 'params.nodeId must be a node that has set a push token'])
})

test('a token that was set after its device was gone, or while it was asked, stays', async (t) => {
  const { push, says, stored, nodes, phone } = await rig(t)
  says({ reason: 'Unregistered', gone: { since: 1000 } })
  assert.equal((await push()).tokenRemoved, false)
  assert.notEqual(await stored(), null)
  says({ reason: 'Unregistered', gone: {} }, async () => {
    await nodes.setPushToken(phone, { provider: 'fcm', token: `${TOKEN}new` })
  })
  assert.equal((await push()).tokenRemoved, false)
  assert.notEqual(await stored(), null)
  says({ reason: 'Unregistered', gone: { since: 1001 } })
  assert.equal((await push()).tokenRemoved, true)
})

test('a service that is busy says when to try again, and the token stays', async (t) => {
  const { push, says, stored } = await rig(t)
  says({ reason: 'QUOTA_EXCEEDED', retryable: true, retryAfterMs: 60_000 })
  const { delivered, retryable, retryAfterMs, tokenRemoved } = await push()
  assert.deepEqual([delivered, retryable, retryAfterMs, tokenRemoved], [false, true, 60_000, false])
  assert.notEqual(await stored(), null)
})

test('a push that cannot be sent is refused with a reason', async (t) => {
  const { push, asked } = await rig(t, { missing: ['server.nodes.push.fcm.project_id'] })
  assert.match(
    (await rejection(push())).message,
    /^Not configured on this gateway: it needs server\.nodes\.push\.fcm\.project_id$/
  )
  assert.match((await rejection(push({}))).message, /^params\.title is missing/)
  assert.match((await rejection(push({ nodeId: 'tablet', title: 'x' }))).message, /has set a push token$/)
  assert.deepEqual(asked, [])
})

test('node.push goes the whole way to FCM, and needs the scope operate', async (t) => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const platform = await startPlatform(t, ({ path }) => ({
    json: path === '/token' ? { access_token: 'x', expires_in: 3599 } : { name: 'projects/p/messages/1' }
  }))
  const fcm = {
    projectId: 'p',
    clientEmail: 'push@p.iam',
    privateKey: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
    apiUrl: platform.url,
    tokenUrl: `${platform.url}/token`
  }
  const tokens = [
    { name: 'phone', token: 'phone-token', scopes: ['node'] },
    { name: 'ops', token: 'ops-token', scopes: ['operate'] }
  ]
  const { url } = await gateway(t, { tokens, nodes: { ...ON, push: { enabled: true, fcm } } })
  const phone = await node(t, url, { nodeId: 'phone' }, { token: 'phone-token' })
  await phone.call('node.push_token.set', { provider: 'fcm', token: TOKEN })
  const ops = await connect(t, url, { token: 'ops-token' })
  const answer = await ops.call('node.push', { nodeId: 'phone', title: 'Tea' })
  assert.deepEqual(answer, { nodeId: 'phone', provider: 'fcm', delivered: true, messageId: 'projects/p/messages/1' })
  assert.equal(platform.requests[1]?.json.message.token, TOKEN)
  assert.equal((await rejection(phone.call('node.push', { nodeId: 'phone', title: 'Tea' }))).code, -5)
  for (const data of [{ aps: 'x' }, { 'google.x': 'x' }, { from: 'x' }, { a: 1 }, { 'a b': 'x' }]) {
    const error = await rejection(ops.call('node.push', { nodeId: 'phone', data }))
    assert.match(error.message, /^params\.data/)
  }
  await phone.call('node.push_token.set', { provider: 'apns', token: 'ab'.repeat(32) })
  const error = await rejection(ops.call('node.push', { nodeId: 'phone', title: 'Tea' }))
  assert.match(error.message, /it needs server\.nodes\.push\.apns\.team_id, .+\.topic$/)
})
