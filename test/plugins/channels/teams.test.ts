import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import type { ConfigInput } from '../../../plugins/config/index.ts'
import { type ChannelRig, channelContract } from '../../contract/channel.ts'
import { build, scratch } from '../../helper.ts'
import { slowTool } from '../agent/fixtures.ts'
import { startIssuer } from './issuer.ts'
import { Heard, startPlatform } from './platform.ts'

const APP = 'app-id'
const TENANT = 'tenant-1'

/** A gateway with a bot, and a server that plays Microsoft. */
async function rig(t: TestContext, plugins: ReturnType<typeof slowTool>['plugin'][] = []) {
  const issuer = await startIssuer(t)
  const heard = new Heard()
  let overloaded = false
  const platform = await startPlatform(t, ({ path, json }) => {
    if (path === '/openid') return { json: { jwks_uri: issuer.jwksUrl } }
    if (path.endsWith('/oauth2/v2.0/token')) return { json: { access_token: 'bot-token', expires_in: 3599 } }
    if (overloaded) return { status: 429, headers: { 'retry-after': '1' } }
    if (path.startsWith('/v3/attachments/')) return { json: { picture: false } }
    if (json.type === 'message') heard.add(json.text)
    return { status: 201, json: { id: 'answer' } }
  })
  const dataDir = await scratch(t)
  const config: ConfigInput = {
    pairing: { default: 'open' },
    tools: { guests: ['*'] },
    dataDir,
    teams: {
      appId: APP,
      appPassword: 'app-secret',
      tenantId: TENANT,
      serviceHosts: [new URL(platform.url).host],
      issuer: issuer.url,
      openidUrl: `${platform.url}/openid`,
      loginUrl: `${platform.url}/login`
    }
  }
  let gateway = await build(t, { config, plugins })
  const activity = (changes: object = {}) => ({
    type: 'message',
    id: 'a1',
    channelId: 'msteams',
    serviceUrl: `${platform.url}/amer/`,
    from: { id: '29:ann', name: 'Ann' },
    recipient: { id: '28:bot', name: 'Flynn' },
    conversation: { id: 'a:1xyz', conversationType: 'personal', tenantId: TENANT },
    text: '<at>Flynn</at> hello',
    entities: [{ type: 'mention', text: '<at>Flynn</at>', mentioned: { id: '28:bot' } }],
    channelData: { tenant: { id: TENANT } },
    ...changes
  })
  const claims = (changes: object = {}) => ({ iss: issuer.url, aud: APP, serviceurl: `${platform.url}/amer/`, ...changes })
  const post = async (body: object, token: string | undefined) =>
    await fetch(`${gateway.url}/teams/events`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) }
    })
  const contract: ChannelRig = {
    get app() {
      return gateway.app
    },
    sessionId: 'teams:a:1xyz',
    heard: heard.texts,
    arrived: (count) => heard.arrived(count),
    send: async ({ id, text }, { wrong = false } = {}) =>
      post(activity({ id, text }), await issuer.sign(claims(wrong ? { aud: 'other' } : {}))),
    overload(on) {
      overloaded = on
    },
    async restart() {
      await gateway.host.close()
      gateway = await build(t, { config, plugins })
    }
  }
  return { ...contract, contract, issuer, platform, activity, claims, post, app: gateway.app }
}

channelContract('Teams', async (t) => (await rig(t)).contract)

test('an answer goes to the service of the activity, with the token of the bot', async (t) => {
  const { post, issuer, claims, activity, arrived, heard, platform } = await rig(t)
  assert.equal((await post(activity(), await issuer.sign(claims()))).status, 200)
  await arrived(1)
  assert.match(heard[0]!, /"hello"/, 'the mention of the bot is no part of what was said')
  const { path, headers, json } = platform.requests.find(({ json }) => json?.type === 'message')!
  assert.equal(path, '/amer/v3/conversations/a%3A1xyz/activities/a1')
  assert.equal(headers.authorization, 'Bearer bot-token')
  assert.deepEqual([json.from.id, json.recipient.id, json.conversation.id, json.replyToId], ['28:bot', '29:ann', 'a:1xyz', 'a1'])
  const { body } = platform.requests.find(({ path }) => path === `/login/${TENANT}/oauth2/v2.0/token`)!
  assert.equal(new URLSearchParams(body).get('scope'), 'https://api.botframework.com/.default')
})

test('each rule of verification refuses by itself, and nothing is sent anywhere because of it', async (t) => {
  const { post, issuer, claims, activity, platform, app } = await rig(t)
  const foreign = 'https://evil.example/'
  const now = Math.floor(Date.now() / 1000)
  const cases: [string, number, object, object | undefined][] = [
    ['no token', 401, {}, undefined],
    ['another audience', 401, {}, { aud: 'other' }],
    ['another issuer', 401, {}, { iss: 'https://sts.windows.net/x' }],
    ['too old', 401, {}, { exp: now - 301 }],
    ['no service in the token', 403, {}, { serviceurl: undefined }],
    ['another service than the token says', 403, { serviceUrl: `${platform.url}/emea/` }, {}],
    ['a service that is none of Microsoft', 403, { serviceUrl: foreign }, { serviceurl: foreign }],
    ['another tenant', 403, { channelData: { tenant: { id: 'other' } } }, {}],
    ['another channel', 403, { channelId: 'webchat' }, {}]
  ]
  for (const [name, status, changes, claimed] of cases) {
    const answer = await post(activity(changes), claimed && (await issuer.sign(claims(claimed))))
    assert.equal(answer.status, status, name)
  }
  assert.equal(await app.db.sessions.get('teams:a:1xyz'), undefined)
  assert.ok(platform.requests.every(({ path }) => path === '/openid'))
})

test('a channel that is left out is none, and a key that is not endorsed for Teams signs nothing for it', async (t) => {
  const { post, issuer, claims, activity } = await rig(t)
  assert.equal((await post(activity({ channelId: undefined }), await issuer.sign(claims()))).status, 403)
  issuer.extra = { endorsements: ['webchat'] }
  await issuer.addKey('key-2')
  const other = await rig(t)
  other.issuer.extra = { endorsements: ['webchat'] }
  assert.equal((await other.post(other.activity(), await other.issuer.sign(other.claims()))).status, 403)
  const endorsed = await rig(t)
  endorsed.issuer.extra = { endorsements: ['webchat', 'msteams'] }
  assert.equal(
    (
      await endorsed.post(
        endorsed.activity(),
        await endorsed.issuer.sign(endorsed.claims({ exp: Math.floor(Date.now() / 1000) - 299 }))
      )
    ).status,
    200
  )
})

test('other activities are 200, an invoke 501, malformed ones 400', async (t) => {
  const { post, issuer, claims, activity, app } = await rig(t)
  const token = await issuer.sign(claims())
  for (const type of ['typing', 'conversationUpdate', 'messageReaction', 'new-kind']) {
    assert.equal((await post(activity({ type }), token)).status, 200, type)
  }
  assert.equal((await post(activity({ type: 'invoke', name: 'x' }), token)).status, 501)
  assert.equal((await post({ text: 'hi' }, token)).status, 400)
  assert.equal(await app.db.sessions.get('teams:a:1xyz'), undefined)
})

test('while the keys cannot be had it is asked to come again', async (t) => {
  const { post, issuer, claims, activity } = await rig(t)
  const token = await issuer.sign(claims())
  issuer.down = true
  assert.equal((await post(activity(), token)).status, 503)
  issuer.down = false
  assert.equal((await post(activity(), token)).status, 200)
})

test('typing is shown in the conversation while the agent works', async (t) => {
  const slow = slowTool()
  const { post, issuer, claims, activity, platform, arrived } = await rig(t, [slow.plugin])
  await post(activity({ text: '/tool test.slow {}' }), await issuer.sign(claims()))
  await slow.called
  const typed = () => platform.requests.filter(({ json }) => json?.type === 'typing')
  while (typed().length === 0) await new Promise(setImmediate)
  const [{ path, json, headers }] = typed() as [(typeof platform.requests)[number]]
  assert.match(path, /^\/amer\/v3\/conversations\/a%3A1xyz\/activities/)
  assert.deepEqual([json.from.id, json.conversation.id, json.text], ['28:bot', 'a:1xyz', undefined])
  assert.equal(headers.authorization, 'Bearer bot-token')
  slow.answer('done')
  await arrived(1)
})

test('what bots say is not answered', async (t) => {
  const { post, issuer, claims, activity, app } = await rig(t)
  const token = await issuer.sign(claims())
  for (const from of [{ id: '28:other-bot' }, { id: '29:x', role: 'bot' }]) {
    assert.equal((await post(activity({ from }), token)).status, 200)
  }
  assert.equal(await app.db.sessions.get('teams:a:1xyz'), undefined)
})

test('a file without text is fetched, null is absent, and a wrong shape is 400', async (t) => {
  const { post, issuer, claims, activity, heard, arrived, platform, app } = await rig(t)
  const token = await issuer.sign(claims())
  const attachments = [
    { contentType: 'image/*', contentUrl: `${platform.url}/v3/attachments/1`, name: null },
    {
      contentType: 'application/vnd.microsoft.teams.file.download.info',
      name: 'a.txt',
      content: { downloadUrl: 'http://127.0.0.1:1/a' }
    }
  ]
  assert.equal((await post(activity({ id: 'f', text: null, entities: null, attachments }), token)).status, 200)
  await arrived(1)
  assert.ok(
    platform.requests.some(({ path, headers }) => path === '/v3/attachments/1' && headers.authorization === 'Bearer bot-token')
  )
  const [question] = await app.db.messages.history('teams:a:1xyz')
  assert.match(question!.content, /not readable here: .*a\.txt/)
  assert.equal((await post(activity({ id: 'e', text: null, attachments: null }), token)).status, 200)
  await arrived(2)
  assert.match(heard[1]!, /arrived empty/)
  for (const changes of [{ text: 5 }, { conversation: 'x' }, { from: [] }]) {
    assert.equal((await post(activity({ id: 'w', ...changes }), token)).status, 400, JSON.stringify(changes))
  }
})

test('in a group a message reaches the agent with its sender, when it mentions the bot', async (t) => {
  const { post, issuer, claims, activity, arrived, app } = await rig(t)
  const token = await issuer.sign(claims())
  const conversation = { id: '19:g', conversationType: 'groupChat', isGroup: true, tenantId: 'TENANT' }
  await post(activity({ id: '1', conversation, entities: [], text: 'hello all' }), token)
  await post(activity({ id: '2', conversation }), token)
  await arrived(1)
  const [question, ...more] = (await app.db.messages.history('teams:19:g')).filter(({ role }) => role === 'user')
  assert.deepEqual([question?.content, more.length], ['Ann: hello', 0])
})
