import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import test, { type TestContext } from 'node:test'
import { decodeJwt, jwtVerify } from 'jose'
import type { ConfigInput } from '../../../plugins/config/index.ts'
import { type ChannelRig, channelContract } from '../../contract/channel.ts'
import { build, scratch } from '../../helper.ts'
import { startIssuer } from './issuer.ts'
import { Heard, startPlatform } from './platform.ts'

const APP_URL = 'https://gateway.example/google-chat/events'
const PROJECT = '1234567890'
const CHAT = 'chat@system.gserviceaccount.com'
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })

async function rig(t: TestContext, settings: object = {}) {
  const issuer = await startIssuer(t)
  const heard = new Heard()
  let overloaded = false
  const platform = await startPlatform(t, ({ path, json }) => {
    if (path === '/token') return { json: { access_token: 'google-token', expires_in: 3599 } }
    if (path.startsWith('/v1/media/')) return { status: 200, json: { picture: false } }
    if (overloaded) return { status: 429, headers: { 'retry-after': '1' } }
    heard.add(json.text)
    return { json: { name: 'spaces/AAA/messages/CCC' } }
  })
  const config: ConfigInput = {
    pairing: { default: 'open' },
    tools: { guests: ['*'] },
    dataDir: await scratch(t),
    googleChat: {
      audience: APP_URL,
      clientEmail: 'bot@project.iam.gserviceaccount.com',
      privateKey: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
      oidcKeysUrl: issuer.jwksUrl,
      chatKeysUrl: issuer.jwksUrl,
      tokenUrl: `${platform.url}/token`,
      apiUrl: platform.url,
      ...settings
    }
  }
  let gateway = await build(t, { config })
  const claims = (changes: object = {}) => ({
    iss: 'https://accounts.google.com',
    aud: APP_URL,
    email: CHAT,
    email_verified: true,
    ...changes
  })
  const message = (changes: object = {}) => ({
    name: 'spaces/AAA/messages/BBB.BBB',
    text: '@Flynn hi',
    argumentText: ' hi',
    thread: { name: 'spaces/AAA/threads/BBB' },
    sender: { name: 'users/123', displayName: 'Ann', type: 'HUMAN' },
    ...changes
  })
  const event = (changes: object = {}) => ({
    type: 'MESSAGE',
    eventTime: '2026-11-22T06:00:00.123456Z',
    message: message(),
    user: { name: 'users/123', displayName: 'Ann', type: 'HUMAN' },
    space: { name: 'spaces/AAA', type: 'DM' },
    ...changes
  })
  const post = async (body: object, token?: string) =>
    await fetch(`${gateway.url}/google-chat/events`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) }
    })
  const contract: ChannelRig = {
    get app() {
      return gateway.app
    },
    sessionId: 'google-chat:spaces/AAA',
    heard: heard.texts,
    arrived: (count) => heard.arrived(count),
    send: async ({ id, text }, { wrong = false } = {}) =>
      post(
        event({ message: message({ name: id, argumentText: text }) }),
        await issuer.sign(claims(wrong ? { aud: 'other' } : {}))
      ),
    overload(on) {
      overloaded = on
    },
    async restart() {
      await gateway.host.close()
      gateway = await build(t, { config })
    }
  }
  return { contract, issuer, heard, platform, claims, event, message, post }
}

channelContract('Google Chat', async (t) => (await rig(t)).contract)

test('an answer goes to the thread, by the service account, and twice is once', async (t) => {
  const { post, issuer, claims, event, heard, platform } = await rig(t)
  const answer = await post(event(), await issuer.sign(claims()))
  assert.deepEqual([answer.status, await answer.json()], [200, {}])
  await heard.arrived(1)
  assert.match(heard.texts[0]!, /"hi"/)
  const { path, query, headers, json } = platform.requests.at(-1)!
  assert.equal(path, '/v1/spaces/AAA/messages')
  assert.equal(headers.authorization, 'Bearer google-token')
  assert.deepEqual(json.thread, { name: 'spaces/AAA/threads/BBB' })
  assert.match(query.get('requestId')!, /^[0-9a-f-]{36}$/)
  const { body } = platform.requests.find(({ path }) => path === '/token')!
  const assertion = new URLSearchParams(body).get('assertion')!
  await jwtVerify(assertion, publicKey, { audience: `${platform.url}/token`, issuer: 'bot@project.iam.gserviceaccount.com' })
  assert.equal(decodeJwt(assertion).scope, 'https://www.googleapis.com/auth/chat.bot')
})

test('with the URL of the app as the audience only the token of Google Chat itself counts', async (t) => {
  const { post, issuer, claims, event } = await rig(t, { verificationToken: 'legacy' })
  const wrong = [
    { aud: PROJECT },
    { iss: CHAT },
    { email: 'other@example.com' },
    { email_verified: false },
    { email: 'service-1@gcp-sa-gsuiteaddons.iam.gserviceaccount.com', sub: '77' },
    { exp: Math.floor(Date.now() / 1000) - 61 }
  ]
  for (const changes of wrong)
    assert.equal((await post(event(), await issuer.sign(claims(changes)))).status, 401, JSON.stringify(changes))
  assert.equal((await post(event({ token: 'legacy' }))).status, 401, 'the older token does not weaken it')
})

test('with the number of the project only a token that Google Chat has signed counts', async (t) => {
  const { post, issuer, event, claims } = await rig(t, { audienceType: 'project-number', audience: PROJECT })
  assert.equal((await post(event(), await issuer.sign({ iss: CHAT, aud: PROJECT }))).status, 200)
  assert.equal((await post(event(), await issuer.sign(claims()))).status, 401)
  assert.equal((await post(event(), await issuer.sign({ iss: CHAT, aud: '999' }))).status, 401)
})

test('an add-on is believed by the number of its service account, with the token in the body', async (t) => {
  const email = 'service-1@gcp-sa-gsuiteaddons.iam.gserviceaccount.com'
  const addOn = (token: string, message: object) => ({
    commonEventObject: { hostApp: 'CHAT' },
    chat: { user: { name: 'users/123' }, messagePayload: { space: { name: 'spaces/AAA' }, message } },
    authorizationEventObject: { systemIdToken: token }
  })
  const pinned = await rig(t, { addOnPrincipal: '77' })
  const token = await pinned.issuer.sign(pinned.claims({ email, sub: '77' }))
  assert.equal((await pinned.post(addOn(token, pinned.message()))).status, 200)
  await pinned.heard.arrived(1)
  const other = await pinned.issuer.sign(pinned.claims({ email, sub: '78' }))
  assert.equal((await pinned.post(addOn(other, pinned.message()))).status, 401)
  const open = await rig(t)
  const unpinned = await open.issuer.sign(open.claims({ email, sub: '77' }))
  assert.equal((await open.post(addOn(unpinned, open.message()))).status, 401)
})

test('an older app is believed by its verification token, where there is nothing better', async (t) => {
  const { post, event } = await rig(t, { audience: undefined, verificationToken: 'legacy' })
  assert.equal((await post(event({ token: 'legacy' }))).status, 200)
  for (const token of ['', 'other', undefined]) assert.equal((await post(event({ token }))).status, 401)
})

test('bots and events without message are not answered', async (t) => {
  const { post, issuer, claims, event, message, contract } = await rig(t)
  const token = await issuer.sign(claims())
  const silent = [
    event({ type: 'REMOVED_FROM_SPACE' }),
    event({ type: 'CARD_CLICKED' }),
    event({ type: 'ADDED_TO_SPACE', message: undefined }),
    event({ message: message({ sender: { name: 'users/app', type: 'BOT' } }) }),
    event({ message: message({ argumentText: ' ' }) })
  ]
  for (const body of silent) assert.equal((await post(body, token)).status, 200)
  assert.equal(await contract.app.db.sessions.get(contract.sessionId), undefined)
  assert.equal((await post({ type: 5 }, token)).status, 400)
})

test('without a token in its header no more is read than has to be, and nothing is said of what it held', async (t) => {
  const { post, issuer, claims, event, contract } = await rig(t)
  const long = { ...event(), filler: 'x'.repeat(17 * 1024) }
  assert.equal((await post(long)).status, 413)
  assert.equal((await post(long, await issuer.sign(claims()))).status, 200)
  assert.equal((await post([])).status, 401)
  assert.equal((await post({ type: 5 }, await issuer.sign(claims({ aud: 'other' })))).status, 401)
  assert.ok(contract.app)
})

test('null is absent, and a wrong shape is 400 and never counts as a wrong login', async (t) => {
  const { post, issuer, claims, event, message, heard } = await rig(t)
  const token = await issuer.sign(claims())
  assert.equal(
    (await post(event({ message: message({ thread: null, annotations: null, attachment: null }), token: null }), token)).status,
    200
  )
  await heard.arrived(1)
  for (let n = 0; n < 12; n++) assert.equal((await post(event({ message: 5 }), token)).status, 400)
  const legacy = await rig(t, { audience: undefined, verificationToken: 'v' })
  for (let n = 0; n < 12; n++) assert.equal((await legacy.post(event({ token: 'v', message: { name: 5 } }))).status, 400)
  assert.equal((await legacy.post(event({ token: 'v', message: message({ thread: null }) }))).status, 200)
  assert.equal((await legacy.post(event({ token: 'w' }))).status, 401)
})

test('a slash command, and a picture without text, are heard', async (t) => {
  const { post, issuer, claims, event, message, heard, platform } = await rig(t)
  const token = await issuer.sign(claims())
  await post(
    event({
      message: message({ name: 'spaces/AAA/messages/1', text: '/help', argumentText: '', slashCommand: { commandId: '1' } })
    }),
    token
  )
  await heard.arrived(1)
  assert.match(heard.texts[0]!, /\/stop/)
  const attachment = [{ contentName: 'a.png', contentType: 'image/png', attachmentDataRef: { resourceName: 'res/1' } }]
  await post(event({ message: message({ name: 'spaces/AAA/messages/2', text: '', argumentText: '', attachment }) }), token)
  await heard.arrived(2)
  assert.ok(platform.requests.some(({ path, query }) => path === '/v1/media/res/1' && query.get('alt') === 'media'))
  const drive = [{ contentName: 'b.doc', source: 'DRIVE_FILE' }]
  await post(event({ message: message({ name: 'spaces/AAA/messages/3', text: '', argumentText: '', attachment: drive }) }), token)
  await heard.arrived(3)
  assert.match(heard.texts[2]!, /b\.doc.*Google Drive/)
})
