import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import fc from 'fast-check'
import { Debounce, MAX_WAITING } from '../../../plugins/channels/bluebubbles/debounce.ts'
import { incomingOf } from '../../../plugins/channels/bluebubbles/event.ts'
import type { ConfigInput } from '../../../plugins/config/index.ts'
import { type ChannelRig, channelContract } from '../../contract/channel.ts'
import { build, scratch } from '../../helper.ts'
import { FakeClock, settle } from '../../lanes/fixtures.ts'
import { Heard, startPlatform } from './platform.ts'

const CHAT = 'iMessage;-;+15551234567'
const TOKEN = 'webhook-token'
const PASSWORD = 'p&ss word'

const data = (changes: object = {}) => ({
  originalROWID: 1,
  guid: 'F0E1D2C3',
  text: 'hello',
  attributedBody: null,
  handle: { originalROWID: 7, address: '+15551234567', service: 'iMessage' },
  error: 0,
  dateCreated: Date.now(),
  isFromMe: false,
  itemType: 0,
  associatedMessageGuid: null,
  associatedMessageType: null,
  chats: [{ originalROWID: 3, guid: CHAT, style: 45 }],
  ...changes
})

async function rig(t: TestContext, settings: object = {}) {
  const heard = new Heard()
  const missed: object[] = []
  let overloaded = false
  const platform = await startPlatform(t, ({ path, json }) => {
    if (path === '/api/v1/message/query') return { json: { status: 200, data: missed } }
    if (path.startsWith('/api/v1/attachment/')) return { status: 404 }
    if (overloaded) return { status: 503, headers: { 'retry-after': '1' } }
    heard.add(json.message)
    return { json: { status: 200, message: 'Message sent!', data: { guid: 'sent' } } }
  })
  const config: ConfigInput = {
    pairing: { default: 'open' },
    tools: { guests: ['*'] },
    dataDir: await scratch(t),
    bluebubbles: { token: TOKEN, serverUrl: platform.url, password: PASSWORD, debounceMs: 0, ...settings }
  }
  let gateway = await build(t, { config })
  const post = async (event: unknown, { query = `?token=${TOKEN}`, headers = {} } = {}) =>
    await fetch(`${gateway.url}/bluebubbles/events${query}`, {
      method: 'POST',
      body: JSON.stringify(event),
      headers: { 'content-type': 'application/json', ...headers }
    })
  const contract: ChannelRig = {
    get app() {
      return gateway.app
    },
    sessionId: `bluebubbles:${CHAT}`,
    heard: heard.texts,
    arrived: (count) => heard.arrived(count),
    send: ({ id, text }, { wrong = false } = {}) =>
      post({ type: 'new-message', data: data({ guid: id, text }) }, wrong ? { query: '?token=other' } : {}),
    overload(on) {
      overloaded = on
    },
    async restart() {
      await gateway.host.close()
      gateway = await build(t, { config })
    }
  }
  return { contract, heard, platform, post, missed }
}

channelContract('BlueBubbles', async (t) => (await rig(t)).contract)

test('the token may stand in the URL or in a header, and nowhere else', async (t) => {
  const { post } = await rig(t)
  const event = { type: 'hello-world', data: null }
  for (const query of [`?token=${TOKEN}`, `?password=${TOKEN}`, `?guid=${TOKEN}`])
    assert.equal((await post(event, { query })).status, 200)
  assert.equal((await post(event, { query: '', headers: { 'x-bluebubbles-token': TOKEN } })).status, 200)
  for (const query of ['', '?token=', `?token=${TOKEN}x`, `?key=${TOKEN}`])
    assert.equal((await post(event, { query })).status, 401, query)
  assert.equal((await post(event, { query: '', headers: { authorization: `Bearer ${TOKEN}` } })).status, 401)
})

test('an answer goes to the chat, with the password in the query and an id of its own', async (t) => {
  const { post, heard, platform } = await rig(t)
  await post({ type: 'new-message', data: data() })
  await heard.arrived(1)
  const { path, query, json } = platform.requests.at(-1)!
  assert.equal(path, '/api/v1/message/text')
  assert.equal(query.get('password'), PASSWORD)
  assert.deepEqual([json.chatGuid, json.method], [CHAT, 'apple-script'])
  assert.ok(json.tempGuid.length > 5)
})

test('only messages of others are heard, and no event of any kind is an error', async (t) => {
  const silent = [
    { type: 'new-message', data: data({ isFromMe: true }) },
    { type: 'new-message', data: data({ isFromMe: true, handle: null }) },
    { type: 'new-message', data: data({ associatedMessageType: 2000 }) },
    { type: 'new-message', data: data({ associatedMessageType: 'love' }) },
    { type: 'new-message', data: data({ text: null }) },
    { type: 'new-message', data: data({ chats: [] }) },
    { type: 'updated-message', data: data() },
    { type: 'typing-indicator', data: { display: true, guid: CHAT } },
    { type: 'hello-world', data: null },
    { type: 'new-message', data: null },
    {},
    null
  ]
  const { post, contract } = await rig(t)
  for (const event of silent) {
    assert.equal(incomingOf(event), undefined, JSON.stringify(event))
    assert.equal((await post(event)).status, 200)
  }
  assert.equal(await contract.app.db.sessions.get(contract.sessionId), undefined)
  fc.assert(
    fc.property(
      fc.jsonValue(),
      (value) => incomingOf(value) === undefined && incomingOf({ type: 'new-message', data: value }) === undefined
    )
  )
})

test('what came while the gateway was away is taken when it is back, once', async (t) => {
  const { post, heard, contract, missed, platform } = await rig(t)
  const now = Date.now()
  await post({ type: 'new-message', data: data({ dateCreated: now }) })
  await heard.arrived(1)
  missed.push(
    data({ dateCreated: now }),
    data({ guid: 'missed', text: 'while you were away', dateCreated: now + 1 }),
    data({ guid: 'own', isFromMe: true })
  )
  await contract.restart()
  await heard.arrived(2)
  assert.match(heard.texts[1]!, /while you were away/)
  assert.equal(platform.requests.find(({ path }) => path === '/api/v1/message/query')?.json.after, now)
})

test('what one sender says within a moment is one message, and senders are not mixed', async () => {
  const clock = new FakeClock()
  const taken: string[][] = []
  const debounce = new Debounce(clock, async (messages) => void taken.push(messages.map(({ text }) => text)))
  const message = (text: string, changes: object = {}) => ({
    guid: text,
    chat: 'a',
    sender: 'ann',
    group: false,
    text,
    files: [],
    untaken: [],
    at: 1,
    ...changes
  })
  const done = [debounce.add(message('link'), 350), debounce.add(message('other', { sender: 'bob' }), 350)]
  await clock.advance(100)
  done.push(debounce.add(message('preview'), 350), debounce.add(message('preview'), 350))
  await clock.advance(249)
  assert.deepEqual(taken, [])
  await clock.advance(1)
  await Promise.all(done)
  assert.deepEqual(taken, [['link', 'preview'], ['other']])
  for (let n = 0; n < MAX_WAITING; n++) void debounce.add(message(`${n}`, { sender: `${n}` }), 350)
  await debounce.add(message('too many'), 350)
  await settle()
  assert.deepEqual(taken.at(-1), ['too many'])
})

test('a send that may have arrived is not tried again', async (t) => {
  const { contract, heard, platform } = await rig(t)
  const channel = contract.app.channels.get('bluebubbles')!
  const delivery = { conversation: CHAT, context: null, text: 'hi', id: '1', signal: AbortSignal.timeout(5) }
  platform.requests.length = 0
  const slow = await startPlatform(t, () => new Promise(() => {}))
  const other = await build(t, {
    config: { bluebubbles: { token: TOKEN, serverUrl: slow.url, password: PASSWORD } }
  })
  await assert.rejects(other.app.channels.get('bluebubbles')!.deliver(delivery), { retryable: false })
  await channel.deliver({ ...delivery, signal: AbortSignal.timeout(10_000) })
  assert.deepEqual(heard.texts, ['hi'])
})

test('a preview that was taken together with its link does not come back after a restart', async (t) => {
  const { post, heard, contract, missed } = await rig(t, { debounceMs: 300 })
  const now = Date.now()
  const parts = [data({ guid: 'link', text: 'https://a.example', dateCreated: now }), data({ guid: 'preview', dateCreated: now })]
  for (const part of parts) await post({ type: 'new-message', data: part })
  await heard.arrived(1)
  missed.push(...parts, data({ guid: 'later', text: 'and then', dateCreated: now + 1 }))
  await contract.restart()
  await heard.arrived(2)
  assert.match(heard.texts[1]!, /and then/)
})

test('what comes before anything was ever taken is caught up with as well', async (t) => {
  const { heard, contract, missed } = await rig(t)
  while ((await contract.app.db.cursors.get('bluebubbles.last-message-at')) === undefined) await new Promise(setImmediate)
  missed.push(data({ guid: 'first', text: 'the very first', dateCreated: Date.now() + 1 }))
  await contract.restart()
  await heard.arrived(1)
  assert.match(heard.texts[0]!, /the very first/)
})

test('an old message starts no run, and an echo of the own answer neither', async (t) => {
  const { post, heard, contract, platform } = await rig(t)
  const day = 24 * 60 * 60_000
  await post({ type: 'new-message', data: data({ guid: 'old', text: 'old', dateCreated: Date.now() - 3 * day }) })
  await post({ type: 'new-message', data: data({ guid: 'new', text: 'Hello' }) })
  await heard.arrived(1)
  // In a chat with oneself the answer comes back as a message of another.
  await post({ type: 'new-message', data: data({ guid: 'echo', text: ` ${heard.texts[0]!} ` }) })
  await post({ type: 'new-message', data: data({ guid: 'next', text: 'And now?' }) })
  await heard.arrived(2)
  assert.match(heard.texts[1]!, /And now\?/)
  const questions = (await contract.app.db.messages.history(contract.sessionId)).filter(({ role }) => role === 'user')
  assert.deepEqual(
    questions.map(({ content }) => content),
    ['Hello', 'And now?']
  )
  assert.equal(platform.requests.filter(({ path }) => path === '/api/v1/message/text').length, 2)
})

test('a picture that cannot be fetched is named to the sender', async (t) => {
  const { post, heard, platform } = await rig(t)
  const attachments = [{ guid: 'p1', mimeType: 'image/png', transferName: 'IMG.png', totalBytes: 5 }]
  await post({ type: 'new-message', data: data({ guid: 'a', text: '\ufffc', attachments }) })
  await heard.arrived(1)
  const { query } = platform.requests.find(({ path }) => path === '/api/v1/attachment/p1/download')!
  assert.equal(query.get('password'), PASSWORD)
  assert.match(heard.texts[0]!, /^I cannot read the file IMG\.png/)
})
