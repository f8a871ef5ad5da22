import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import test from 'node:test'
import { AccessToken, grant } from '../../../plugins/channels/access.ts'
import { DeliveryError } from '../../../plugins/channels/define.ts'
import { accepted, exchange, MAX_BYTES } from '../../../plugins/channels/http.ts'
import { rejection } from '../../helper.ts'
import { startPlatform } from './platform.ts'

const signal = AbortSignal.timeout(60_000)

test('what a platform has taken is taken, however its answer goes on', async (t) => {
  const platform = await startPlatform(t, () => ({ json: 'x'.repeat(MAX_BYTES) }))
  const long = await exchange(platform.url, { method: 'POST', signal })
  assert.deepEqual([long.status, long.json], [200, undefined])
  accepted(long)
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-length': 100 })
    response.write('half', () => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const broken = await exchange(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { method: 'POST', signal })
  assert.deepEqual([broken.status, broken.json], [200, undefined])
})

test('where a second request is a second message, only what has surely not arrived is tried again', async (t) => {
  const mute = await startPlatform(t, () => new Promise(() => {}))
  const init = { method: 'POST', signal: AbortSignal.timeout(20) }
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const gone = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await new Promise((resolve) => server.close(resolve))
  for (const once of [true, false]) {
    const unsure = await rejection(exchange(mute.url, init, { once }))
    assert.equal(unsure.retryable, !once)
    const nobody = await rejection(exchange(gone, { method: 'POST', signal }, { once }))
    assert.equal(nobody.retryable, true)
  }
})

test('an access token that cannot be had for a while is no reason to give up an answer, wrong credentials are', async (t) => {
  for (const [status, json, retryable] of [
    [503, {}, true],
    [429, {}, true],
    [200, 'no grant', true],
    [400, { error: 'invalid_grant' }, false],
    [401, {}, false]
  ] as const) {
    const platform = await startPlatform(t, () => ({ status, json }))
    const error = await rejection(grant(platform.url, {}, signal))
    assert.ok(error instanceof DeliveryError)
    assert.equal(error.retryable, retryable, String(status))
  }
})

test('a token is asked for once for all who need it, anew before it ends, and with other settings', async () => {
  let settings = { account: 'one' }
  let now = 0
  const asked: string[] = []
  const token = new AccessToken({
    settings: () => settings,
    clock: { now: () => now },
    request: async ({ account }) => ({ accessToken: `${account} ${asked.push(account)}`, expiresIn: 3600 })
  })
  assert.deepEqual(await Promise.all([token.get(), token.get()]), ['one 1', 'one 1'])
  now = 54 * 60_000
  assert.equal(await token.get(), 'one 1')
  now = 55 * 60_000
  assert.equal(await token.get(), 'one 2')
  settings = { account: 'two' }
  assert.equal(await token.get(), 'two 3')
  token.forget()
  assert.equal(await token.get(), 'two 4')
})
