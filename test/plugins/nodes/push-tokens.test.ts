import assert from 'node:assert/strict'
import test from 'node:test'
import { checkedToken, digestOf, placeOf, shown } from '../../../plugins/nodes/push-tokens.ts'
import { Vault } from '../../../plugins/nodes/vault.ts'
import type { RpcError } from '../../../rpc/errors.ts'

const HEX = '0123456789abcdef'.repeat(4)
const FCM = 'fcm_abcdefghijklmnopqrstuvwxyz123456'

const refusal = (params: Parameters<typeof checkedToken>[0]): RpcError => {
  try {
    checkedToken(params)
  } catch (error) {
    return error as RpcError
  }
  assert.fail(`taken: ${JSON.stringify(params)}`)
}

test('a token that looks like one of its provider is taken', () => {
  for (const token of [HEX, `${HEX}ab`, 'a'.repeat(400)]) assert.equal(checkedToken({ provider: 'apns', token }), token)
  assert.equal(checkedToken({ provider: 'apns', token: HEX.toUpperCase() }), HEX)
  const long = `${'x'.repeat(22)}:APA91b${'y-_'.repeat(45)}`
  for (const token of [FCM, long, 'a'.repeat(32), 'a'.repeat(4096), HEX.toUpperCase()]) {
    assert.equal(checkedToken({ provider: 'fcm', token }), token)
  }
})

test('a malformed token is refused without being quoted', () => {
  const wrong = {
    apns: [
      '',
      HEX.slice(1),
      HEX.slice(2),
      `${HEX}a`,
      'a'.repeat(402),
      `<${HEX}>`,
      `${HEX.slice(0, 32)} ${HEX}`,
      'g'.repeat(64),
      FCM,
      `${HEX}\n`
    ],
    fcm: ['', 'a'.repeat(31), 'a'.repeat(4097), `${FCM} `, `${FCM}/`, `${FCM}é`, `${FCM}\n`]
  } as const
  for (const provider of ['apns', 'fcm'] as const) {
    for (const token of wrong[provider]) {
      const error = refusal({ provider, token })
      assert.equal(error.code, -2)
      assert.match(error.message, /^params\.token must be /)
      if (token.length > 8) assert.ok(!JSON.stringify(error).includes(token.trim().slice(0, 8)), error.message)
    }
  }
})

test('members of APNs are refused for FCM', () => {
  assert.equal(checkedToken({ provider: 'apns', token: HEX, environment: 'sandbox', topic: 'com.example.app' }), HEX)
  const { data } = refusal({ provider: 'fcm', token: FCM, environment: 'sandbox', topic: 'com.example.app' })
  assert.deepEqual(
    data.issues?.map(({ path }) => path),
    ['params.environment', 'params.topic']
  )
})

test('a stored token shows its ends, a short or unreadable one nothing', () => {
  const vault = new Vault()
  const of = (token: string) => shown({ id: 'phone', push: { provider: 'fcm', token, updatedAt: 1 } }, vault)
  const stored = (text: string) => of(vault.seal(text, placeOf('phone')))
  assert.deepEqual(stored(FCM), { provider: 'fcm', tokenPreview: 'fcm_...3456', readable: true, updatedAt: 1 })
  assert.equal(stored('short').tokenPreview, '***')
  assert.deepEqual(of('aes-256-gcm:AAAA'), { provider: 'fcm', tokenPreview: '***', readable: false, updatedAt: 1 })
})

test('equal tokens of one provider have one digest', () => {
  assert.equal(digestOf('fcm', FCM), digestOf('fcm', FCM))
  assert.notEqual(digestOf('fcm', HEX), digestOf('apns', HEX))
})
