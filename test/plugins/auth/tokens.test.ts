import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { givenTokens } from '../../../plugins/auth/bearer.ts'
import { Tokens } from '../../../plugins/auth/tokens.ts'

const unicode = fc.string({ unit: 'binary', minLength: 1, maxLength: 60 })

function found(tokens: Tokens, headers: Record<string, string>): (string | undefined)[] {
  return givenTokens(headers, 'upgrade' in headers).map((readings) => tokens.find(readings)?.name)
}

test('any token, in any script, survives the way through the WebSocket subprotocol', () => {
  fc.assert(
    fc.property(unicode, (token) => {
      const offered = `flynn.v1, bearer.${Buffer.from(token).toString('base64url')}`
      assert.deepEqual(found(new Tokens({ token }), { upgrade: 'websocket', 'sec-websocket-protocol': offered }), ['default'])
    })
  )
})

test('a token outside ASCII is understood as fetch sends it (latin1) and as curl does (UTF-8)', () => {
  const tokens = new Tokens({ token: 'schlüssel' })
  assert.deepEqual(found(tokens, { authorization: 'Bearer schlüssel' }), ['default'])
  assert.deepEqual(found(tokens, { authorization: `Bearer ${Buffer.from('schlüssel').toString('latin1')}` }), ['default'])
})

test('tokens of every length are compared without an exception, and only the right one is found', () => {
  fc.assert(
    fc.property(unicode, unicode, (token, other) => {
      assert.equal(new Tokens({ token }).find([other])?.name, other === token ? 'default' : undefined)
    })
  )
})

test('each configured token is found under its own name, with its own scopes', () => {
  const tokens = new Tokens({
    token: 'root',
    tokens: [
      { name: 'dash', token: 'd', scopes: ['read', 'write'] },
      { name: 'phone', token: 'p', scopes: ['node'] }
    ]
  })
  assert.deepEqual(
    ['root', 'd', 'p'].map((given) => tokens.find([given])?.caller).map((caller) => [caller?.id, [...(caller?.scopes ?? [])]]),
    [
      ['token:default', ['read', 'write', 'node', 'operate', 'admin']],
      ['token:dash', ['read', 'write']],
      ['token:phone', ['node']]
    ]
  )
})

test('the scheme is read in any case; another scheme, or nothing after it, has no reading at all', () => {
  for (const authorization of ['Bearer abc', 'bearer abc', 'BEARER   abc']) {
    assert.deepEqual(givenTokens({ authorization }, false)[0]?.[0], 'abc')
  }
  for (const authorization of ['', 'Bearer', 'Bearer ', 'Basic YTpi', 'abc', 'Bearerabc', 'Token abc']) {
    assert.deepEqual(givenTokens({ authorization }, false), [[]], authorization)
  }
})

test('a subprotocol that is not canonical base64url has no reading', () => {
  for (const text of ['', 'YQ==', 'Y', 'YR', 'Y+==', 'YWJj!', 'YQ YQ']) {
    assert.deepEqual(givenTokens({ 'sec-websocket-protocol': `flynn.v1, bearer.${text}` }, true), [[]], text)
  }
})

test('subprotocols are read on an upgrade only, and every credential of a request is listed', () => {
  const headers = { authorization: 'Bearer a', 'sec-websocket-protocol': 'flynn.v1, bearer.Yg, bearer.Yw' }
  assert.equal(givenTokens(headers, false).length, 1)
  assert.equal(givenTokens(headers, true).length, 3)
  assert.deepEqual(givenTokens({ 'sec-websocket-protocol': 'flynn.v1' }, true), [])
  assert.deepEqual(givenTokens({}, true), [])
})
