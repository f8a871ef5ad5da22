import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import test from 'node:test'
import { resolveConfig } from '../../../plugins/config/parse/load.ts'

test('server.secret_key is 32 bytes in base64, and one that is not is refused without being quoted', () => {
  for (let count = 0; count < 50; count++) {
    const key = randomBytes(32).toString('base64')
    assert.equal(resolveConfig({ server: { secret_key: key } }).server.secretKey, key)
  }
  for (const bytes of [0, 16, 31, 33, 64]) {
    const key = randomBytes(bytes).toString('base64')
    assert.throws(
      () => resolveConfig({ server: { secret_key: key } }),
      ({ message }: Error) =>
        /server\.secret_key must be 32 bytes in base64/.test(message) && (key === '' || !message.includes(key))
    )
  }
})

test('nodes are off unless they are turned on, and a feature gate keeps its name', () => {
  assert.deepEqual(resolveConfig({}).server.nodes, {
    enabled: false,
    allowedRoles: ['companion'],
    featureGates: {},
    location: { enabled: false },
    push: {
      enabled: false,
      apns: { url: 'https://api.push.apple.com', sandboxUrl: 'https://api.sandbox.push.apple.com' },
      fcm: { apiUrl: 'https://fcm.googleapis.com', tokenUrl: 'https://oauth2.googleapis.com/token' }
    }
  })
  const { featureGates } = resolveConfig({ server: { nodes: { feature_gates: { 'ui.canvas': true, snake_case: false } } } })
    .server.nodes
  assert.deepEqual(featureGates, { 'ui.canvas': true, snake_case: false })
  for (const gates of [{ 'UI!': true }, { 'ui.canvas': 'yes' }, { ['__proto__']: true }]) {
    assert.throws(() => resolveConfig({ server: { nodes: { feature_gates: gates as never } } }), /server\.nodes\.feature_gates/)
  }
})
