import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { SignJWT } from 'jose'
import { Refusal } from '../../../plugins/channels/inbound.ts'
import { bearerOf, TokenVerifier } from '../../../plugins/channels/jwt.ts'
import { startIssuer } from './issuer.ts'

async function rig(t: TestContext) {
  const issuer = await startIssuer(t)
  const rules = { jwksUrl: issuer.jwksUrl, issuer: 'https://issuer.example', audience: 'us', toleranceSeconds: 60 }
  const claims = { iss: 'https://issuer.example', aud: 'us' }
  return { issuer, claims, verifier: new TokenVerifier(rules) }
}

const refused = (status: number) => (error: unknown) => error instanceof Refusal && error.status === status

test('a token of the issuer, for us, is accepted', async (t) => {
  const { issuer, claims, verifier } = await rig(t)
  const verified = await verifier.verify(await issuer.sign({ ...claims, email: 'a@b' }))
  assert.equal(verified.claims.email, 'a@b')
  assert.equal(verified.header.kid, 'key-1')
  await verifier.verify(await issuer.sign(claims))
  assert.equal(issuer.asked, 1, 'its keys are asked for once')
})

test('any other token is refused', async (t) => {
  const { issuer, claims, verifier } = await rig(t)
  const now = Math.floor(Date.now() / 1000)
  const forged = new SignJWT({ ...claims, exp: now + 60 }).setProtectedHeader({ alg: 'HS256', kid: 'key-1' })
  const tokens = [
    undefined,
    '',
    'a.b.c',
    'x'.repeat(20_000),
    await issuer.sign({ ...claims, aud: 'them' }),
    await issuer.sign({ ...claims, iss: 'https://else.example' }),
    await issuer.sign({ ...claims, exp: now - 61 }),
    await issuer.sign({ ...claims, nbf: now + 120 }),
    await issuer.sign({ ...claims, exp: undefined as never }),
    await issuer.sign(claims, { kid: false }),
    await forged.sign(new TextEncoder().encode('x'.repeat(64))),
    `${await issuer.sign(claims)}x`
  ]
  for (const token of tokens) await assert.rejects(verifier.verify(token), refused(401), String(token).slice(0, 40))
  await verifier.verify(await issuer.sign({ ...claims, exp: now - 50 }))
})

test('while the keys cannot be had nothing is decided, and afterwards it is, without a restart', async (t) => {
  const { issuer, claims, verifier } = await rig(t)
  const token = await issuer.sign(claims)
  issuer.down = true
  await assert.rejects(verifier.verify(token), refused(503))
  issuer.down = false
  await verifier.verify(token)
})

test('a key that is published later is found', async (t) => {
  const { issuer, claims, verifier } = await rig(t)
  const old = await issuer.sign(claims)
  await verifier.verify(old)
  await issuer.addKey('key-2')
  issuer.removeKey('key-1')
  const token = await issuer.sign(claims, { kid: 'key-2' })
  await assert.rejects(verifier.verify(token), refused(401), 'not asked for again so soon')
  const later = Date.now() + 31_000
  t.mock.method(Date, 'now', () => later)
  await verifier.verify(token)
  await assert.rejects(verifier.verify(old), refused(401))
})

test('the token of a bearer header is found, and of no other one', () => {
  assert.equal(bearerOf('Bearer abc'), 'abc')
  assert.equal(bearerOf('bearer  abc'), 'abc')
  for (const other of [undefined, '', 'Bearer', 'Basic abc', 'Bearer a b']) assert.equal(bearerOf(other), undefined)
})
