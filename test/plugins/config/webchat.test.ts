import assert from 'node:assert/strict'
import test from 'node:test'
import { resolveConfig } from '../../../plugins/config/parse/load.ts'

const push = (settings: object) => resolveConfig({ webchat: { push: settings } }).webchat.push

test('notifications are off unless they are turned on', () => {
  assert.deepEqual(push({}), { enabled: false, hosts: [], maxSubscriptions: 50, allowInsecureHosts: [] })
})

test('a subject is an address or a URL that others can reach', () => {
  for (const subject of ['mailto:ops@example.com', 'https://flynn.example.com', 'https://flynn.example.com:8443/contact']) {
    assert.equal(push({ subject }).subject, subject)
  }
  const wrong = [
    '',
    'ops@example.com',
    'mailto:ops',
    'mailto:ops@localhost',
    'http://a.example',
    'https://localhost',
    'https://localhost/a.b'
  ]
  for (const subject of wrong)
    assert.throws(() => push({ subject }), /webchat\.push\.subject must be mailto: with an address/, subject)
})

test('a push service is named by its host, which is no address and no bare name', () => {
  assert.deepEqual(push({ hosts: ['push.example.com', '*.example.org'] }).hosts, ['push.example.com', '*.example.org'])
  for (const host of [
    'localhost',
    '127.0.0.1',
    '[::1]',
    'https://push.example.com',
    'a.*.example.com',
    '*',
    '*.com.1',
    'PUSH.example.com'
  ]) {
    assert.throws(() => push({ hosts: [host] }), /webchat\.push\.hosts\[0\] must be a host such as/, host)
  }
})
