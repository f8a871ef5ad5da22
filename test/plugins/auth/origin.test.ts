import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { Origins } from '../../../plugins/auth/origin.ts'

const origins = new Origins([
  'https://flynn.example.com',
  'http://dev.example:5173',
  'chrome-extension://abcdef',
  'https://proxy.example/'
])

test('its own page, listed origins and programs may use the gateway', () => {
  const allowed: [string | undefined, string][] = [
    [undefined, 'anything'],
    ['http://localhost:18800', 'localhost:18800'],
    ['https://machine.tailnet.ts.net', 'machine.tailnet.ts.net'],
    ['https://machine.example', 'machine.example:443'],
    ['http://localhost', 'localhost:80'],
    ['http://localhost:80', 'localhost'],
    ['https://LOCALHOST:1', 'localhost:1'],
    ['http://[::1]:18800', '[::1]:18800'],
    ['https://flynn.example.com', '127.0.0.1:18800'],
    ['https://proxy.example', '127.0.0.1:18800'],
    ['http://dev.example:5173', 'localhost:18800'],
    ['chrome-extension://abcdef', 'localhost:18800']
  ]
  for (const [origin, host] of allowed) assert.equal(origins.allows(origin, host), true, `${origin} → ${host}`)
})

test('a page of any other origin may not', () => {
  const refused: [string, string][] = [
    ['null', 'localhost:18800'],
    ['', 'localhost:18800'],
    ['https://evil.example', 'localhost:18800'],
    ['http://localhost:3000', 'localhost:18800'],
    ['http://localhost', 'localhost:18800'],
    ['http://127.0.0.1:18800', 'localhost:18800'],
    ['https://flynn.example.com.evil.example', 'localhost:18800'],
    ['http://flynn.example.com', 'localhost:18800'],
    ['https://flynn.example.com:8443', 'localhost:18800'],
    ['http://dev.example', 'localhost:18800'],
    ['chrome-extension://other', 'localhost:18800'],
    ['file://', ''],
    ['http://localhost:18800/path', 'localhost:18800'],
    ['http://evil@localhost:18800', 'localhost:18800'],
    ['http://localhost:18800 http://evil.example', 'localhost:18800'],
    ['http://localhost', 'evil@localhost'],
    ['http://localhost', 'localhost/path'],
    ['http://evil.example', ''],
    ['https://*', 'localhost:18800']
  ]
  for (const [origin, host] of refused) assert.equal(origins.allows(origin, host), false, `${origin} → ${host}`)
})

test('a web origin is the gateway own exactly when its host and port are those asked for', () => {
  const host = fc.tuple(fc.domain(), fc.option(fc.integer({ min: 1, max: 65535 }), { nil: undefined }))
  const scheme = fc.constantFrom('http', 'https')
  const none = new Origins()
  fc.assert(
    fc.property(scheme, host, host, (protocol, [a, portA], [b, portB]) => {
      const text = (name: string, port: number | undefined) => `${name}${port === undefined ? '' : `:${port}`}`
      const standard = protocol === 'http' ? 80 : 443
      assert.equal(none.allows(`${protocol}://${text(a, portA)}`, text(a, portA)), true)
      const same = a.toLowerCase() === b.toLowerCase() && (portA ?? standard) === (portB ?? standard)
      assert.equal(none.allows(`${protocol}://${text(a, portA)}`, text(b, portB)), same)
    })
  )
})

test('no text is taken for an allowed origin by accident, and none raises an exception', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (origin, host) => {
      assert.equal(new Origins().allows(origin, host), false)
      assert.equal(origins.knowsHost(`${host}.evil.example`), false)
    })
  )
})

test('only names of this machine and listed hosts can be the gateway when there is no token', () => {
  const known = [
    'localhost',
    'LOCALHOST:18800',
    'flynn.localhost:18800',
    '127.0.0.1:18800',
    '127.8.9.1',
    '[::1]:18800',
    '[::ffff:127.0.0.1]',
    'flynn.example.com',
    'dev.example:1'
  ]
  const foreign = [
    undefined,
    '',
    'evil.example',
    'evil.example:18800',
    'localhost.evil.example',
    'notlocalhost',
    '10.0.0.1',
    '[::2]',
    'evil@localhost',
    'localhost#evil',
    '127.0.0.1.evil.example',
    'sub.flynn.example.com'
  ]
  for (const host of known) assert.equal(origins.knowsHost(host), true, host)
  for (const host of foreign) assert.equal(origins.knowsHost(host), false, host)
})
