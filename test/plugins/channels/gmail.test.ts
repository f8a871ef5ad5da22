import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { open } from '../../../db/client.ts'
import { mailOf, rawAnswer } from '../../../plugins/channels/gmail/mail.ts'
import { Mailbox } from '../../../plugins/channels/gmail/mailbox.ts'
import type { ConfigInput } from '../../../plugins/config/index.ts'
import { type ChannelRig, channelContract } from '../../contract/channel.ts'
import { build, scratch } from '../../helper.ts'
import { startIssuer } from './issuer.ts'
import { Heard, startPlatform } from './platform.ts'

const ME = 'flynn@example.com'
const SIGNER = 'push@project.iam.gserviceaccount.com'
const AUDIENCE = 'https://gateway.example/gmail/push'
const SUBSCRIPTION = 'projects/p/subscriptions/s'

const base64 = (text: string) => Buffer.from(text).toString('base64url')

const mail = (id: string, text: string, changes: Record<string, string> = {}, labelIds = ['INBOX']) => ({
  id,
  threadId: 'thread-1',
  labelIds,
  snippet: text.slice(0, 20),
  payload: {
    mimeType: 'multipart/alternative',
    headers: Object.entries({
      From: 'Ann Example <Ann@example.com>',
      Subject: 'Question',
      'Message-ID': `<${id}@example.com>`,
      ...changes
    }).map(([name, value]) => ({ name, value })),
    parts: [
      { mimeType: 'text/plain', body: { data: base64(text) } },
      { mimeType: 'text/html', body: { data: base64(`<p>${text}</p>`) } }
    ]
  }
})

/** A gateway with a mailbox, and a server that plays Google. */
async function rig(t: TestContext, settings: object = {}) {
  const issuer = await startIssuer(t)
  const heard = new Heard()
  const state = { historyId: 100, tooOld: false, overloaded: false }
  const mails = new Map<string, { at: number; json: object }>()
  const platform = await startPlatform(t, ({ path, query, json }) => {
    if (path === '/token') return { json: { access_token: 'google-token', expires_in: 3599 } }
    const call = path.replace('/gmail/v1/users/me/', '')
    if (call === 'watch') return { json: { historyId: String(state.historyId), expiration: '1' } }
    if (call === 'profile') return { json: { emailAddress: ME, historyId: String(state.historyId) } }
    if (call === 'messages') return { json: { messages: [...mails.keys()].reverse().map((id) => ({ id })) } }
    if (call === 'messages/send') {
      if (state.overloaded) return { status: 429, headers: { 'retry-after': '1' } }
      heard.add(Buffer.from(json.raw, 'base64url').toString())
      return { json: { id: 'sent' } }
    }
    if (call === 'history') {
      if (state.tooOld) return { status: 404, json: {} }
      const added = [...mails].filter(([, { at }]) => at > Number(query.get('startHistoryId')))
      return {
        json: { history: added.map(([id]) => ({ messagesAdded: [{ message: { id } }] })), historyId: String(state.historyId) }
      }
    }
    const found = mails.get(call.replace('messages/', ''))
    return found ? { json: found.json } : { status: 404, json: {} }
  })
  const config: ConfigInput = {
    pairing: { default: 'open' },
    tools: { guests: ['*'] },
    dataDir: await scratch(t),
    gmail: {
      account: ME,
      topic: 'projects/p/topics/t',
      subscription: SUBSCRIPTION,
      audience: AUDIENCE,
      serviceAccount: SIGNER,
      clientId: 'client',
      clientSecret: 'client-secret',
      refreshToken: 'refresh',
      keysUrl: issuer.jwksUrl,
      tokenUrl: `${platform.url}/token`,
      apiUrl: platform.url,
      ...settings
    }
  }
  let gateway = await build(t, { config })
  const watched = async () => {
    while (!platform.requests.some(({ path }) => path.endsWith('/history'))) await new Promise(setImmediate)
  }
  await watched()
  const claims = (changes: object = {}) => ({
    iss: 'https://accounts.google.com',
    aud: AUDIENCE,
    email: SIGNER,
    email_verified: true,
    ...changes
  })
  const push = (data: unknown, subscription = SUBSCRIPTION) => ({
    message: { data: Buffer.from(JSON.stringify(data)).toString('base64'), messageId: '1' },
    subscription
  })
  const post = async (body: object, token?: string, query = '') =>
    await fetch(`${gateway.url}/gmail/push${query}`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) }
    })
  const comes = (id: string, json: object) => {
    if (!mails.has(id)) mails.set(id, { at: ++state.historyId, json })
    return { emailAddress: ME, historyId: state.historyId }
  }
  const contract: ChannelRig = {
    get app() {
      return gateway.app
    },
    sessionId: 'gmail:thread-1',
    get heard() {
      return heard.texts.map(bodyOf)
    },
    arrived: (count) => heard.arrived(count),
    send: async ({ id, text }, { wrong = false } = {}) =>
      post(
        push(comes(id, mail(id, text, { Subject: '' }))),
        await issuer.sign(claims(wrong ? { email: 'other@example.com' } : {}))
      ),
    overload(on) {
      state.overloaded = on
    },
    async restart() {
      await gateway.host.close()
      gateway = await build(t, { config })
    }
  }
  const said = async () => (await gateway.app.db.messages.history('gmail:thread-1')).filter(({ role }) => role === 'user')
  return { contract, issuer, heard, platform, state, mails, claims, push, post, comes, said }
}

/** The text of a mail, its encoding undone. */
function bodyOf(raw: string): string {
  const at = raw.indexOf('\r\n\r\n')
  const body = raw.slice(at + 4)
  if (/content-transfer-encoding: base64/i.test(raw)) return Buffer.from(body, 'base64').toString()
  if (!/content-transfer-encoding: quoted-printable/i.test(raw)) return body.trim()
  return body.replace(/=\r\n/g, '').replace(/=([0-9A-F]{2})/g, (_all, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
}

channelContract('Gmail', async (t) => (await rig(t)).contract)

test('an answer is a mail in the same thread', async (t) => {
  const { post, push, comes, issuer, claims, heard, platform } = await rig(t)
  const answer = await post(push(comes('m1', mail('m1', 'Any news?'))), await issuer.sign(claims()))
  assert.deepEqual([answer.status, await answer.text()], [204, ''])
  await heard.arrived(1)
  const [raw] = heard.texts
  assert.match(raw!, /^To: ann@example\.com\r$/m)
  assert.match(raw!, /^Subject: Re: Question\r$/m)
  assert.match(raw!, /^In-Reply-To: <m1@example\.com>\r$/m)
  assert.match(raw!, /^Auto-Submitted: auto-replied\r$/m)
  assert.equal(platform.requests.at(-1)?.json.threadId, 'thread-1')
})

test('a push is believed only when our service account has signed it for our subscription', async (t) => {
  const { post, push, comes, issuer, claims, said } = await rig(t)
  const notice = comes('m1', mail('m1', 'Hello'))
  for (const changes of [
    { aud: 'other' },
    { email: 'other@example.com' },
    { email_verified: false },
    { iss: 'https://evil.example' }
  ]) {
    assert.equal((await post(push(notice), await issuer.sign(claims(changes)))).status, 401, JSON.stringify(changes))
  }
  assert.equal((await post(push(notice))).status, 401)
  assert.equal((await post(push(notice, 'projects/p/subscriptions/other'), await issuer.sign(claims()))).status, 403)
  assert.deepEqual(await said(), [])
})

test('without signed pushes the token of the URL decides', async (t) => {
  const { post, push, comes, heard } = await rig(t, { audience: undefined, pushToken: 'url-token' })
  const notice = push(comes('m1', mail('m1', 'Hello')))
  for (const query of ['', '?token=', '?token=other']) assert.equal((await post(notice, undefined, query)).status, 401)
  assert.equal((await post(notice, undefined, '?token=url-token')).status, 204)
  await heard.arrived(1)
})

test('what can never be used is acknowledged, so that it does not come again, and nothing is read for it', async (t) => {
  const { post, push, issuer, claims, platform } = await rig(t)
  const token = await issuer.sign(claims())
  const before = platform.requests.length
  for (const data of [{}, { emailAddress: 'other@example.com', historyId: 999 }, { emailAddress: ME, historyId: 'x' }, 'text']) {
    assert.equal((await post(push(data), token)).status, 204)
  }
  assert.equal((await post({ message: { data: '%%%' }, subscription: SUBSCRIPTION }, token)).status, 204)
  assert.equal((await post(push({ emailAddress: ME, historyId: 100 }), token)).status, 204, 'nothing new')
  assert.equal(platform.requests.length, before)
  assert.equal((await post({ emailAddress: ME }, token)).status, 400, 'unwrapped')
})

test('where the history does not go back far enough the last day is read, and each mail taken once', async (t) => {
  const { post, push, comes, issuer, claims, heard, state, said } = await rig(t)
  const token = await issuer.sign(claims())
  await post(push(comes('m1', mail('m1', 'First'))), token)
  await heard.arrived(1)
  state.tooOld = true
  await post(push(comes('m2', mail('m2', 'Second'))), token)
  await heard.arrived(2)
  assert.equal((await said()).length, 2)
})

test('mails of machines and of the agent itself are not answered', async () => {
  assert.ok(await mailOf(mail('m', 'Hello'), ME))
  const silent = [
    mail('m', 'Hello', {}, ['SENT']),
    mail('m', 'Hello', {}, ['DRAFT']),
    mail('m', 'Hello', { 'Auto-Submitted': 'auto-replied' }),
    mail('m', 'Hello', { Precedence: 'bulk' }),
    mail('m', 'Hello', { 'List-Id': '<list.example.com>' }),
    mail('m', 'Hello', { From: 'no address' }),
    mail('m', '', { Subject: '' }),
    {},
    null
  ]
  for (const json of silent) assert.equal(await mailOf(json, ME), undefined, JSON.stringify(json))
})

test('no header can be smuggled into an answer', async () => {
  const context = {
    thread: 't',
    to: 'ann@example.com',
    subject: 'Hi\r\nBcc: evil@example.com',
    messageId: '<1@x>\r\nX-Evil: 1',
    references: '<1@x>'
  }
  const raw = Buffer.from(await rawAnswer(context, ME, 'Text\r\nBcc: not a header'), 'base64url').toString()
  const head = raw.slice(0, raw.indexOf('\r\n\r\n'))
  assert.doesNotMatch(head, /^(bcc|x-evil):/im)
})

test('a mail that cannot be read holds up no other one', async (t) => {
  const { post, push, comes, issuer, claims, heard } = await rig(t)
  comes('huge', mail('huge', 'x'.repeat(5 * 1024 * 1024)))
  await post(push(comes('m2', mail('m2', 'After it'))), await issuer.sign(claims()))
  await heard.arrived(1)
  assert.match(bodyOf(heard.texts[0]!), /After it/)
})

test('an address that only stands in the mail is not that of its owner', async () => {
  const from = async (results?: string, address = 'Ann <ann@example.com>') =>
    (
      await mailOf(
        mail('m', 'Hi', { From: address, ...(results === undefined ? {} : { 'Authentication-Results': results }) }),
        ME
      )
    )?.from
  const good = [
    'mx.google.com; dkim=pass header.i=@example.com header.b=x; spf=fail smtp.mailfrom=x@else.example; dmarc=pass header.from=example.com',
    'mx.google.com; dmarc=pass reason="a; b (c)" header.from="Example.COM"',
    'mx.google.com 1; spf=pass (google.com: domain of \\) ann@example.com (nested) designates) smtp.mailfrom=x; dmarc=pass header.from=example.com;',
    'mx.google.com;\r\n dmarc=pass (p=REJECT sp=NONE dis=NONE) header.from=example.com'
  ]
  const bad = [
    undefined,
    'mx.google.com; dkim=pass header.i=@example.com',
    'mx.google.com; spf=fail (google.com: x; dmarc=pass header.from=example.com) smtp.mailfrom=x@evil.example',
    'mx.google.com; spf=fail smtp.mailfrom="; dmarc=pass header.from=example.com"',
    'mx.google.com; spf=fail (x) ; dmarc=pass header.from=example.com; y) smtp.mailfrom=x; dmarc=fail header.from=evil.example',
    'mx.google.com; dmarc=fail header.from=evil.example; dmarc=pass header.from=example.com',
    'mx.google.com; dmarc=pass header.from=example.com (open',
    'mx.google.com dmarc=pass header.from=example.com',
    '"mx.evil.example; mx.google.com"; dmarc=pass header.from=example.com',
    'mx.google.com; spf=pass smtp.mailfrom=ann@example.com; dkim=pass header.i=@evil.example',
    'mx.google.com; dmarc=fail header.from=example.com',
    'mx.google.com; dkim=pass header.i=@evil.example header.b="x header.from=example.com"',
    'mx.google.com; dmarc=pass header.from=notexample.com',
    'mx.evil.example; dmarc=pass header.from=example.com'
  ]
  for (const results of good) assert.equal(await from(results), 'ann@example.com', results)
  for (const results of bad) assert.equal(await from(results), 'unverified:ann@example.com', results)
})

test('a push of days ago reads nothing again', async (t) => {
  const { post, push, comes, issuer, claims, heard, contract, said, platform } = await rig(t)
  const old = push(comes('m1', mail('m1', 'Once')))
  await post(old, await issuer.sign(claims()))
  await heard.arrived(1)
  const later = Date.now() + 6 * 24 * 60 * 60_000
  t.mock.method(Date, 'now', () => later)
  await contract.restart()
  const reads = () => platform.requests.filter(({ path }) => path.endsWith('/history')).length
  const before = reads()
  while (reads() === before) await new Promise(setImmediate)
  assert.equal((await post(old, await issuer.sign(claims()))).status, 204)
  await post(push(comes('m2', mail('m2', 'Twice'))), await issuer.sign(claims()))
  await heard.arrived(2)
  assert.equal((await said()).length, 2)
})

test('a watch is renewed daily, tried again when that fails, and its end is an alarm a day before', async (t) => {
  const db = await open({ file: ':memory:' })
  t.after(() => db.close())
  const DAY = 24 * 60 * 60_000
  let now = 0
  let fails = false
  let watches = 0
  const platform = await startPlatform(t, ({ path }) => {
    if (!path.endsWith('/watch')) return { json: { historyId: '1' } }
    watches++
    return fails ? { status: 503 } : { json: { historyId: '1', expiration: String(now + 7 * DAY) } }
  })
  const logged: string[] = []
  const settings = { account: ME, topic: 't', apiUrl: platform.url } as never
  const mailbox = new Mailbox({
    settings: () => settings,
    token: { get: async () => 'token', forget() {} },
    cursors: db.cursors,
    clock: { now: () => now },
    take: async () => {},
    log: { info() {}, warn: () => void logged.push('warn'), error: () => void logged.push('error') } as never
  })
  const at = async (ms: number) => {
    now = ms
    await mailbox.keepUp()
  }
  await at(0)
  await at(DAY - 1)
  assert.equal(watches, 1)
  fails = true
  await at(DAY)
  await at(DAY + 1)
  assert.deepEqual([watches, logged], [3, ['warn', 'warn']])
  await at(6 * DAY + 1)
  assert.deepEqual(logged, ['warn', 'warn', 'error'])
  fails = false
  await at(6 * DAY + 2)
  await at(6 * DAY + 3)
  assert.equal(watches, 5)
})
