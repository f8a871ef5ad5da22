import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { type Db, open } from '../../../db/client.ts'
import type { Config } from '../../../plugins/config/index.ts'
import { ALPHABET, Codes, MAX_OPEN, MAX_OPEN_IN_ALL, VALID_MS } from '../../../plugins/pairing/codes.ts'
import { BLOCKED_MS, MAX_CHANNEL_TRIES, MAX_SENDERS, MAX_TRIES, Pairing } from '../../../plugins/pairing/index.ts'
import { build, connect, type Frame, rejection, scratch } from '../../helper.ts'
import { post } from '../../routes/post.ts'

interface Options {
  readonly config?: Partial<Config['pairing']>
  readonly store?: Partial<Db['pairing']>
}

/** Six characters that no code has. */
const WRONG = '000000'

async function rig(t: TestContext, { config: changes, store }: Options = {}) {
  const config = { default: 'required', channels: {}, allowlist: {}, ...changes } as const
  const db = await open({ file: ':memory:' })
  t.after(() => db.close())
  const clock = { now: Date.parse('2025-02-13T12:00:00Z') }
  const recorded: [event: string, actor: string, detail: unknown][] = []
  const audit = {
    record: (event: string, actor: string, detail: unknown = {}) => void recorded.push([event, actor, detail])
  }
  const pairing = new Pairing({ config, store: { ...db.pairing, ...store }, audit, now: () => clock.now })
  /** As a channel does it. */
  const redeem = (code: string, senderId = '1', channel = 'telegram') =>
    pairing.redeem({ code, senderId, channel, actor: `${channel}:${senderId}` })
  const refused = (code: string, senderId?: string, channel?: string): Promise<Frame> =>
    rejection(redeem(code, senderId, channel))
  return { db, clock, recorded, pairing, redeem, refused, events: () => recorded.map(([event]) => event) }
}

test('a code lets one sender in, once, on the channel it was made for', async (t) => {
  const { pairing, clock, redeem, refused } = await rig(t)
  assert.equal(await pairing.allowed('telegram', '1'), false)
  const { code, ...made } = pairing.generate('telegram', 'token:ops')
  assert.deepEqual(made, { channel: 'telegram', access: 'guest', createdAt: clock.now, expiresAt: clock.now + VALID_MS })
  const wrong = await refused(code, '1', 'teams')
  assert.equal(wrong.code, -2)
  assert.deepEqual(await redeem(code), { channel: 'telegram', senderId: '1', access: 'guest', pairedAt: clock.now })
  assert.equal(await pairing.allowed('telegram', '1'), true)
  assert.equal(await pairing.allowed('teams', '1'), false)
  assert.equal((await refused(code, '2')).message, wrong.message)
  assert.equal(await pairing.allowed('telegram', '2'), false)
})

test('an allowlist admits the senders on it and no others', async (t) => {
  const { pairing, redeem, db, clock } = await rig(t, {
    config: {
      channels: { telegram: 'allowlist', teams: 'required' },
      allowlist: { telegram: ['7'], teams: ['7'], constructor: [] }
    }
  })
  const allowed = (channel: string) => Promise.all(['7', '8'].map((senderId) => pairing.allowed(channel, senderId)))
  assert.deepEqual(await allowed('telegram'), [true, false])
  await db.pairing.add({ channel: 'telegram', senderId: '8', access: 'guest', pairedAt: clock.now }, 10)
  assert.deepEqual(await allowed('telegram'), [true, false])
  assert.throws(() => pairing.generate('telegram', 'ops'), { kind: 'InvalidRequest', message: /pairing\.allowlist\.telegram/ })
  assert.deepEqual(await allowed('teams'), [true, false])
  await redeem(pairing.generate('teams', 'ops').code, '8', 'teams')
  assert.deepEqual(await allowed('teams'), [true, true])
  assert.deepEqual(await allowed('toString'), [false, false])
})

test('an expired code is refused like a wrong one', async (t) => {
  const { pairing, clock, redeem, refused } = await rig(t)
  const [first, second] = [pairing.generate('telegram', 'ops'), pairing.generate('telegram', 'ops')]
  clock.now += VALID_MS - 1
  assert.equal((await redeem(first.code)).senderId, '1')
  clock.now += 1
  assert.deepEqual((await refused(second.code, '2')).message, (await refused(WRONG, '3')).message)
  assert.deepEqual(pairing.codes(), [])
})

test('a code may be typed in lower case and with spaces', async (t) => {
  const { pairing, redeem } = await rig(t)
  const { code } = pairing.generate('telegram', 'ops')
  assert.equal((await redeem(` ${code.slice(0, 3).toLowerCase()}-${code.slice(3)}\n`)).senderId, '1')
})

test('codes have six characters that are hard to confuse', () => {
  const seen = new Set<string>()
  for (let round = 0; round < 200; round++) {
    const codes = new Codes(() => 1)
    for (let n = 0; n < MAX_OPEN; n++) {
      const { code } = codes.make('a', 'guest')!
      assert.match(code, /^[A-HJKMNP-Z2-9]{6}$/)
      for (const character of code) seen.add(character)
    }
  }
  assert.equal(seen.size, ALPHABET.length)
})

test('a code that several senders type at once pairs one', async (t) => {
  const { pairing, redeem, db } = await rig(t)
  const { code } = pairing.generate('telegram', 'ops')
  const settled = await Promise.allSettled(['1', '2', '3'].map((senderId) => redeem(code, senderId)))
  assert.deepEqual(
    settled.map(({ status }) => status),
    ['fulfilled', 'rejected', 'rejected']
  )
  assert.equal((await db.pairing.list({ limit: 9 })).length, 1)
})

test('a channel has at most three open codes', async (t) => {
  const { pairing, clock, redeem } = await rig(t)
  const make = () => pairing.generate('telegram', 'ops')
  const oldest = make()
  clock.now += 1000
  const [second] = [make(), make()]
  assert.throws(make, (error: Frame) => {
    assert.deepEqual([error.code, error.data.retryable, error.data.retryAfterMs], [3, true, VALID_MS - 1000])
    assert.match(error.message, /^3 pairing codes are open for telegram/)
    return true
  })
  pairing.generate('teams', 'ops')
  await redeem(oldest.code)
  make()
  assert.throws(make)
  assert.equal(pairing.revokeCode(second!.code.toLowerCase(), 'ops'), true)
  assert.equal(pairing.revokeCode(second!.code, 'ops'), false)
  make()
  assert.throws(make)
  clock.now += VALID_MS
  for (let n = 0; n < MAX_OPEN; n++) make()
})

test('the open codes of all channels are bounded', async (t) => {
  const { pairing } = await rig(t)
  let made = 0
  assert.throws(() => {
    for (let n = 0; n < 10_000; n++, made++) pairing.generate(`c${n}`, 'ops')
  }, /^RpcError: 300 pairing codes are open, /)
  assert.equal(made, MAX_OPEN_IN_ALL)
  assert.equal(pairing.codes().length, MAX_OPEN_IN_ALL)
})

test('the fifth wrong code blocks a sender for 15 minutes', async (t) => {
  const { pairing, clock, redeem, refused, events } = await rig(t)
  for (let n = 0; n < MAX_TRIES; n++) {
    pairing.generate(`other${n}`, 'ops')
    assert.equal((await refused(WRONG)).code, -2)
  }
  const { code } = pairing.generate('telegram', 'ops')
  const blocked = await refused(code)
  assert.deepEqual([blocked.code, blocked.data.retryAfterMs, blocked.statusCode], [3, BLOCKED_MS, 429])
  assert.match(blocked.message, /try again in 15 minutes$/)
  assert.equal(await pairing.allowed('telegram', '1'), false)
  clock.now += BLOCKED_MS - 1
  assert.match((await refused(WRONG)).message, /try again in 1 minute$/)
  clock.now += 1
  assert.equal((await redeem(pairing.generate('telegram', 'ops').code)).senderId, '1')
  assert.ok(!events().includes('pairing.blocked'), 'there was nothing to guess')
})

test('a block concerns one sender, and a right code resets its count', async (t) => {
  const { pairing, redeem, refused } = await rig(t)
  for (let n = 0; n < MAX_TRIES; n++) await refused(WRONG)
  for (let n = 0; n < MAX_TRIES - 1; n++) await refused(WRONG, '2')
  await redeem(pairing.generate('telegram', 'ops').code, '2')
  for (let n = 0; n < MAX_TRIES - 1; n++) assert.equal((await refused(WRONG, '2')).code, -2)
  assert.equal((await redeem(pairing.generate('telegram', 'ops').code, '2')).senderId, '2')
  assert.equal((await refused(WRONG, '1', 'teams')).code, -2, 'the same id on another channel is another sender')
})

test('wrong guesses of others void no code', async (t) => {
  const { pairing, redeem, refused } = await rig(t)
  const { code } = pairing.generate('telegram', 'ops')
  for (let n = 0; n < 200; n++) assert.equal((await refused(WRONG, `guesser ${n}`)).code, -2)
  assert.equal((await redeem(code, 'honest')).senderId, 'honest')
})

test('after a thousand wrong codes a sender has one try, and a right code still works', async (t) => {
  const { pairing, clock, redeem, refused } = await rig(t)
  const { code } = pairing.generate('telegram', 'ops')
  for (let n = 0; n < MAX_CHANNEL_TRIES; n++) await refused(WRONG, `guesser ${n}`)
  assert.equal((await refused(WRONG, 'another')).code, -2)
  assert.equal((await refused(code, 'another')).code, 3)
  assert.equal((await redeem(code, 'honest')).senderId, 'honest')
  assert.equal((await refused(WRONG, 'another', 'teams')).code, -2, 'another channel is not concerned')
  clock.now += VALID_MS
  assert.equal((await redeem(pairing.generate('telegram', 'ops').code, 'another')).senderId, 'another')
})

test('a code says which access it gives, and guests are the default', async (t) => {
  const { pairing, redeem } = await rig(t, {
    config: { channels: { open: 'open', listed: 'allowlist' }, allowlist: { listed: ['7'] } }
  })
  await redeem(pairing.generate('telegram', 'ops', 'owner').code, '1')
  await redeem(pairing.generate('telegram', 'ops').code, '2')
  assert.equal(await pairing.access('telegram', '1'), 'owner')
  assert.equal(await pairing.access('telegram', '2'), 'guest')
  assert.equal(await pairing.access('telegram', '3'), undefined)
  assert.equal(await pairing.access('open', 'anyone'), 'guest')
  assert.equal(await pairing.access('listed', '7'), 'guest')
  await redeem(pairing.generate('listed', 'ops', 'owner').code, '7', 'listed')
  await redeem(pairing.generate('listed', 'ops', 'owner').code, '8', 'listed')
  assert.equal(await pairing.access('listed', '7'), 'owner')
  assert.equal(await pairing.access('listed', '8'), undefined, 'not listed any more')
})

test('a stricter policy of a channel gives way to what the configuration says', async (t) => {
  for (const [config, policy] of [
    [{}, 'allowlist'],
    [{ default: 'open' }, 'open'],
    [{ channels: { mail: 'required' } }, 'required'],
    [{ default: 'open', channels: { mail: 'allowlist' } }, 'allowlist']
  ] as const) {
    const { pairing } = await rig(t, { config })
    pairing.setDefault('mail', 'allowlist')
    assert.equal(pairing.policy('mail'), policy, JSON.stringify(config))
  }
})

test('a channel has its own policy, else the default', async (t) => {
  const { pairing } = await rig(t, { config: { default: 'open', channels: { telegram: 'required' } } })
  assert.deepEqual(
    ['telegram', 'teams', 'constructor'].map((channel) => pairing.policy(channel)),
    ['required', 'open', 'open']
  )
  assert.equal(await pairing.allowed('teams', 'anybody'), true)
  assert.equal(await pairing.allowed('telegram', 'anybody'), false)
  const closed = await rig(t, { config: { default: 'required', channels: { webchat: 'open' } } })
  assert.equal(await closed.pairing.allowed('webchat', '1'), true)
  assert.equal(await closed.pairing.allowed('teams', '1'), false)
})

test('a revoked sender is a stranger again', async (t) => {
  const { pairing, redeem } = await rig(t)
  await redeem(pairing.generate('telegram', 'ops').code)
  assert.equal(await pairing.revokeSender('teams', '1', 'ops'), false)
  assert.equal(await pairing.revokeSender('telegram', '1', 'ops'), true)
  assert.equal(await pairing.revokeSender('telegram', '1', 'ops'), false)
  assert.equal(await pairing.allowed('telegram', '1'), false)
})

test('the number of paired senders is bounded', async (t) => {
  const limits: number[] = []
  const { pairing, refused } = await rig(t, {
    store: {
      add: async (_sender, most) => {
        limits.push(most)
        return false
      }
    }
  })
  const error = await refused(pairing.generate('telegram', 'ops').code)
  assert.deepEqual([error.code, limits], [-2, [MAX_SENDERS]])
  assert.match(error.message, /^10000 senders are paired/)
})

test('the audit log names events and never a code', async (t) => {
  const { pairing, redeem, refused, recorded } = await rig(t)
  const { code } = pairing.generate('telegram', 'token:ops')
  for (let n = 0; n < MAX_TRIES; n++) await refused(WRONG, '2')
  await refused(WRONG, '2')
  await redeem(code)
  await refused(WRONG, '3')
  await pairing.revokeSender('telegram', '1', 'token:ops')
  const second = pairing.generate('teams', 'token:ops')
  pairing.revokeCode(second.code, 'token:ops')
  assert.deepEqual(recorded, [
    ['pairing.generate', 'token:ops', { channel: 'telegram', access: 'guest' }],
    ...Array.from({ length: 4 }, () => ['pairing.refused', 'telegram:2', { channel: 'telegram', senderId: '2' }]),
    ['pairing.blocked', 'telegram:2', { channel: 'telegram', senderId: '2' }],
    ['pairing.redeem', 'telegram:1', { channel: 'telegram', senderId: '1', access: 'guest' }],
    ['pairing.revoke', 'token:ops', { channel: 'telegram', senderId: '1' }],
    ['pairing.generate', 'token:ops', { channel: 'teams', access: 'guest' }],
    ['pairing.revoke', 'token:ops', { channel: 'teams' }]
  ])
  for (const secret of [code, second.code, WRONG]) assert.ok(!JSON.stringify(recorded).includes(secret))
})

test('over the wire: codes with times as the specification shows them', async (t) => {
  const { url } = await build(t)
  const client = await connect(t, url)
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/
  const { code, expiresAt } = await client.call('pairing.generate', { channel: 'telegram' })
  assert.match(expiresAt, time)
  const listed = await client.call('pairing.list')
  const { createdAt } = listed.codes[0]
  assert.deepEqual(listed, { codes: [{ code, channel: 'telegram', access: 'guest', createdAt, expiresAt }], senders: [] })
  assert.match(createdAt, time)
  assert.equal(Date.parse(expiresAt) - Date.parse(createdAt), VALID_MS)
  assert.deepEqual((await client.call('pairing.list', { channel: 'teams' })).codes, [])

  const paired = await client.call('pairing.redeem', { code, senderId: '123456' })
  assert.match(paired.pairedAt, time)
  assert.deepEqual(await client.call('pairing.list'), { codes: [], senders: [paired] })
  assert.equal((await rejection(client.call('pairing.redeem', { code, senderId: '2' }))).code, -2)
  assert.deepEqual(await client.call('pairing.revoke', { channel: 'telegram', senderId: '123456' }), { revoked: true })
  assert.deepEqual(await client.call('pairing.revoke', { channel: 'telegram', senderId: '123456' }), { revoked: false })
  const second = await client.call('pairing.generate', { channel: 'teams' })
  assert.deepEqual(await client.call('pairing.revoke', { code: second.code }), { revoked: true })
  assert.deepEqual(await client.call('pairing.list'), { codes: [], senders: [] })
})

test('over the wire: malformed params are error -2', async (t) => {
  const { url } = await build(t)
  const client = await connect(t, url)
  const wrong = async (method: string, params: object) => (await rejection(client.call(method, { ...params }))).code
  for (const params of [{}, { channel: 'telegram' }, { senderId: '1' }, { code: WRONG, senderId: '1', channel: 'telegram' }]) {
    assert.equal(await wrong('pairing.revoke', params), -2, JSON.stringify(params))
  }
  assert.equal(await wrong('pairing.generate', {}), -2)
  assert.equal(await wrong('pairing.generate', { channel: 'a b' }), -2)
  assert.equal(await wrong('pairing.redeem', { code: WRONG }), -2)
  assert.equal(await wrong('pairing.redeem', { code: WRONG, senderId: 'a\nb' }), -2)
})

test('pairing needs the scope operate and names its caller', async (t) => {
  const tokens = [
    { name: 'ops', token: 'token-of-ops', scopes: ['operate' as const] },
    { name: 'dash', token: 'token-of-dash', scopes: ['read' as const, 'write' as const, 'node' as const] }
  ]
  const { url, app } = await build(t, { config: { server: { tokens } } })
  for (const method of ['pairing.generate', 'pairing.list', 'pairing.redeem', 'pairing.revoke']) {
    assert.equal((await post(url, method, {}, { token: 'token-of-dash' })).json.error.code, -5, method)
  }
  await post(url, 'pairing.generate', { channel: 'telegram' }, { token: 'token-of-ops' })
  const [entry] = await app.audit.list({ limit: 1 })
  assert.deepEqual(
    [entry?.event, entry?.actor, entry?.detail],
    ['pairing.generate', 'token:ops', { channel: 'telegram', access: 'guest' }]
  )
})

test('paired senders outlive a restart, open codes do not', async (t) => {
  const config = { dataDir: await scratch(t), pairing: { default: 'required' as const } }
  const first = await build(t, { config })
  const [used, open] = [first.app.pairing.generate('telegram', 'ops'), first.app.pairing.generate('telegram', 'ops')]
  await first.app.pairing.redeem({ code: used.code, senderId: '1', actor: 'ops' })
  await first.host.close()
  const { app } = await build(t, { config })
  assert.equal(await app.pairing.allowed('telegram', '1'), true)
  assert.equal(await app.pairing.allowed('telegram', '2'), false)
  assert.equal((await rejection(app.pairing.redeem({ code: open.code, senderId: '2', actor: 'ops' }))).code, -2)
})
