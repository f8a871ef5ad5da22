import assert from 'node:assert/strict'
import test from 'node:test'
import { open } from '../../../db/client.ts'
import { CODE_MS, Logins } from '../../../plugins/logins/logins.ts'
import type { Caller } from '../../../rpc/define.ts'
import { build, connect, rejection, scratch } from '../../helper.ts'
import { post } from '../../routes/post.ts'

const TOKENS = [
  { name: 'ann', token: 'token-ann', scopes: ['read' as const, 'write' as const] },
  { name: 'bob', token: 'token-bob', scopes: ['read' as const] },
  { name: 'op', token: 'token-op', scopes: ['operate' as const] },
  { name: 'node', token: 'token-node', scopes: ['node' as const] }
]

/** Cookie that a browser would send back. */
const cookieOf = (answer: Response): string => answer.headers.get('set-cookie')!.split(';', 1)[0]!

async function browsers(url: string) {
  const send = (method: string, path: string, body?: object, cookie?: string): Promise<Response> =>
    fetch(`${url}${path}`, {
      method,
      headers: { ...(body ? { 'content-type': 'application/json' } : {}), ...(cookie ? { cookie } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {})
    })
  return {
    send,
    signIn: async (token: string): Promise<string> => cookieOf(await send('POST', '/auth/session', { token })),
    status: async (cookie: string): Promise<number> => (await send('POST', '/rpc/system.info', {}, cookie)).status
  }
}

test('signing out ends this login alone, on the server, over a restart, and closes its sockets', async (t) => {
  const dataDir = await scratch(t)
  const config = { dataDir, server: { tokens: TOKENS } }
  const first = await build(t, { config })
  const { signIn, send, status } = await browsers(first.url)
  // Within one second, and two logins all the same.
  const [phone, laptop] = [await signIn('token-ann'), await signIn('token-ann')]
  assert.notEqual(phone, laptop)
  const [onPhone, onLaptop] = [
    await connect(t, first.url, { headers: { cookie: phone } }),
    await connect(t, first.url, { headers: { cookie: laptop } })
  ]
  const closed = onPhone.closed()
  assert.equal((await send('DELETE', '/auth/session', undefined, phone)).status, 204)
  assert.deepEqual(await closed, { code: 1008, reason: 'signed out' })
  assert.deepEqual([await status(phone), await status(laptop)], [401, 200])
  assert.ok(await onLaptop.call('system.info'))
  await first.host.close()

  const second = await build(t, { config })
  const again = await browsers(second.url)
  assert.deepEqual([await again.status(phone), await again.status(laptop)], [401, 200])
})

test('logins are listed and ended by their own token, and all of them at once', async (t) => {
  const { url } = await build(t, { config: { server: { token: 'token-of-all', tokens: TOKENS } } })
  const { signIn, status } = await browsers(url)
  const cookies = [await signIn('token-ann'), await signIn('token-ann'), await signIn('token-bob')]
  const ann = await connect(t, url, { headers: { cookie: cookies[0]!, 'user-agent': 'Browser of Ann' } })
  const bob = await connect(t, url, { token: 'token-bob' })
  const all = await connect(t, url, { token: 'token-of-all' })
  const { logins, total } = await ann.call('auth.logins')
  assert.deepEqual([total, logins[0].current, logins[0].userAgent], [2, true, 'Browser of Ann'])
  assert.equal((await all.call('auth.logins')).total, 3)
  const { loginId } = logins[1]
  assert.deepEqual(await bob.call('auth.revokeLogin', { loginId }), { revoked: false })
  assert.deepEqual(await ann.call('auth.revokeLogin', { loginId }), { revoked: true })
  assert.deepEqual(await Promise.all(cookies.map(status)), [200, 401, 200])
  const closed = ann.closed()
  // Its answer may be cut off with its socket, so it is asked over HTTP.
  assert.deepEqual((await post(url, 'auth.revokeLogins', { all: true }, { token: 'token-ann' })).json, { result: { revoked: 1 } })
  assert.equal((await closed).code, 1008)
  assert.deepEqual(await Promise.all(cookies.map(status)), [401, 401, 200])
  const fresh = await signIn('token-ann')
  assert.equal(await status(fresh), 200)
})

test('a code logs a device in as its maker, once, and a wrong one counts as a failure', async (t) => {
  const { url } = await build(t, { config: { server: { tokens: TOKENS } } })
  const { send, status } = await browsers(url)
  const ann = await connect(t, url, { token: 'token-ann' })
  const { code } = await ann.call('auth.createCode')
  assert.equal((await send('GET', `/auth/code?code=${code}`)).status, 404)
  const redeemed = await send('POST', '/auth/code', { code })
  assert.equal(redeemed.status, 204)
  const cookie = cookieOf(redeemed)
  assert.equal(await status(cookie), 200)
  const phone = await connect(t, url, { headers: { cookie } })
  assert.deepEqual((await phone.call('system.hello', {})).scopes, ['read', 'write'])
  assert.equal((await send('POST', '/auth/code', { code })).status, 401)
  const open = await build(t)
  const local = await connect(t, open.url)
  assert.equal((await rejection(local.call('auth.createCode'))).code, -2)
})

test('operators see the connections, and close one', async (t) => {
  const { url } = await build(t, { config: { server: { tokens: TOKENS } } })
  const ann = await connect(t, url, { token: 'token-ann', headers: { 'user-agent': 'A program' } })
  const op = await connect(t, url, { token: 'token-op' })
  const { connections, total } = await op.call('system.connections')
  assert.equal(total, 2)
  assert.deepEqual(
    connections.map(({ caller, userAgent, current }: Record<string, unknown>) => [caller, userAgent, current]),
    [
      ['token:ann', 'A program', false],
      ['token:op', '', true]
    ]
  )
  const closed = ann.closed()
  assert.deepEqual(await op.call('system.closeConnection', { connectionId: connections[0].connectionId }), { success: true })
  assert.deepEqual(await closed, { code: 1008, reason: 'closed by an operator' })
  assert.deepEqual(await op.call('system.closeConnection', { connectionId: 'none' }), { success: false })
  assert.equal((await op.call('system.connections', { offset: 1 })).connections.length, 0)
})

test('a code expires, what has ended is forgotten after 30 days, and the store has the rest', async (t) => {
  const db = await open({ file: ':memory:' })
  t.after(() => db.close())
  let now = 1_800_000_000_000
  const ended: unknown[] = []
  const make = async (): Promise<Logins> => {
    const onEnded = (which: (id: string | undefined) => boolean) => void ended.push(['a', 'b', undefined].filter(which))
    const logins = new Logins({
      store: db.plugin('logins'),
      log: { error: assert.fail } as never,
      audit: { record() {} },
      onEnded,
      now: () => now
    })
    await logins.open()
    return logins
  }
  const ann: Caller = { id: 'token:ann', scopes: new Set(['read'] as const) }
  const login = (id: string, issuedAt = now) => ({ id, token: 'ann', issuedAt })
  const origin = { address: '192.0.2.1', userAgent: 'x' }
  const first = await make()
  const { code } = first.code(ann)
  now += CODE_MS
  assert.equal(first.redeem(code), undefined)
  first.seen(login('a'), origin, true)
  first.seen(login('b'), origin, true)
  assert.equal(await first.end('a', ann), true)
  assert.deepEqual(ended, [['a']])

  const second = await make()
  assert.deepEqual([second.ended(login('a')), second.ended(login('b')), second.list(ann).length], [true, false, 1])
  assert.equal(await second.revokeAll(ann), 1)
  assert.deepEqual(
    [second.ended(login('b')), second.ended(login('unlisted')), second.ended(login('later', now + 1000))],
    [true, true, false]
  )
  now += 31 * 24 * 60 * 60 * 1000
  const third = await make()
  await third.flush()
  const { values } = await db.plugin('logins').list()
  assert.deepEqual(
    values.map(({ key }) => key),
    ['until:ann']
  )
})
