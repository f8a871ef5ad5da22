import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { issueSession, readSession, SESSION_SECONDS, sessionCookies, sessionHeader } from '../../../plugins/auth/cookie.ts'
import { type Token, Tokens } from '../../../plugins/auth/tokens.ts'

const NOW = Date.UTC(2026, 0, 1)
const tokens = new Tokens({ token: 'root', tokens: [{ name: 'a.b@c-1', token: 'x', scopes: ['read'] }] })
const named = (name: string): Token => tokens.named(name)!

test('a session is of the token it was issued for, until it expires', () => {
  for (const name of ['default', 'a.b@c-1']) {
    const value = issueSession(named(name), NOW)
    assert.equal(readSession(value, tokens, NOW), named(name))
    assert.equal(readSession(value, tokens, NOW + SESSION_SECONDS * 1000 - 1), named(name))
    assert.equal(readSession(value, tokens, NOW + SESSION_SECONDS * 1000), 'stale')
  }
})

test('no mutation of a cookie is accepted: not a changed, inserted, removed or appended character', () => {
  const value = issueSession(named('a.b@c-1'), NOW)
  const character = fc.string({ unit: 'binary-ascii', minLength: 0, maxLength: 2 })
  fc.assert(
    fc.property(fc.nat(value.length), fc.integer({ min: 0, max: 2 }), character, (at, removed, inserted) => {
      const mutated = value.slice(0, at) + inserted + value.slice(at + removed)
      fc.pre(mutated !== value)
      assert.equal(typeof readSession(mutated, tokens, NOW), 'string', mutated)
    }),
    { numRuns: 2000 }
  )
})

test('the last character of a signature counts, although base64 would ignore some of its bits', () => {
  const value = issueSession(named('default'), NOW)
  for (const last of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_') {
    if (value.endsWith(last)) continue
    assert.equal(readSession(value.slice(0, -1) + last, tokens, NOW), 'forged')
  }
})

test('a cookie dies with its token, whether the token changed or went', () => {
  const value = issueSession(named('default'), NOW)
  assert.equal(readSession(value, new Tokens({ token: 'rotated' }), NOW), 'forged')
  assert.equal(readSession(value, new Tokens({ tokens: [{ name: 'other', token: 'root', scopes: ['admin'] }] }), NOW), 'stale')
})

test('a cookie cannot be made for another token, nor live longer than it was issued for', () => {
  const [name, expiry, signature] = issueSession(named('default'), NOW).split('.')
  assert.equal(readSession(`a.b@c-1.${expiry}.${signature}`, tokens, NOW), 'forged')
  assert.equal(readSession(`${name}.${Number(expiry) + 1}.${signature}`, tokens, NOW), 'forged')
  assert.equal(readSession(`${name}.0${expiry}.${signature}`, tokens, NOW), 'forged')
})

test('anything at all may stand in a Cookie header', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      for (const value of [text, ...sessionCookies(text), ...sessionCookies(`flynn_session=${text}`)]) {
        assert.equal(typeof readSession(value, tokens, NOW), 'string')
      }
    })
  )
})

test('every session cookie of the header is found, a few at most, and no other', () => {
  assert.deepEqual(sessionCookies(undefined), [])
  assert.deepEqual(sessionCookies('a=1; flynn_session=x.1.s=; xflynn_session=no; flynn_session=y;flynn_session='), [
    'x.1.s=',
    'y',
    ''
  ])
  assert.equal(sessionCookies('flynn_session=a;'.repeat(100)).length, 4)
})

test('the cookie is kept from scripts, other sites and plain connections', () => {
  assert.equal(
    sessionHeader('v', { path: '/agent', secure: true }),
    'flynn_session=v; Path=/agent; Max-Age=2592000; HttpOnly; SameSite=Strict; Secure'
  )
  assert.equal(sessionHeader('', { path: '/', secure: false }), 'flynn_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict')
})
