import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import test, { type TestContext } from 'node:test'
import fc from 'fast-check'
import { Access } from '../../public/access.js'

interface Answer {
  readonly status?: number
  readonly headers?: Record<string, string>
  readonly body?: string
}

/** A gateway that answers everything in one way and remembers what it was asked. */
async function answering(t: TestContext, { status = 200, headers = {}, body = '' }: Answer = {}) {
  const seen: { request: string; headers: IncomingHttpHeaders; body: string }[] = []
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    seen.push({ request: `${request.method} ${request.url}`, headers: request.headers, body: text })
    response.writeHead(status, headers).end(body)
  })
  t.after(() => server.close())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const access = new Access(`http://127.0.0.1:${(server.address() as AddressInfo).port}/agent/?gatewayUrl=http://evil.example`)
  return { access, seen }
}

const failure = (code: number, message: string) => JSON.stringify({ error: { code, message } })

test('a token becomes a subprotocol that says it in base64url', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'grapheme', minLength: 1 }), async (token) => {
      const access = new Access('http://127.0.0.1/')
      await access.logIn(token, false)
      const [version, bearer] = access.protocols()
      assert.equal(version, 'flynn.v1')
      assert.match(bearer ?? '', /^bearer\.[\w-]+$/)
      assert.equal(Buffer.from(bearer?.slice('bearer.'.length) ?? '', 'base64url').toString(), token.toWellFormed())
    })
  )
})

test('without a token only the version is offered', () => {
  assert.deepEqual(new Access('http://127.0.0.1/').protocols(), ['flynn.v1'])
})

test('who is let in is asked beside the page, not where its query points', async (t) => {
  const { access, seen } = await answering(t)
  assert.deepEqual(await access.admit(), {})
  assert.deepEqual([seen[0]?.request, seen[0]?.headers.authorization], ['GET /agent/api/health', undefined])
})

test('a token that is not remembered is kept, sent as a header, and in no URL', async (t) => {
  const { access, seen } = await answering(t)
  assert.deepEqual(await access.logIn('gehéim €', false), {})
  assert.deepEqual([seen.length, access.holdsToken], [0, true])
  await access.admit()
  assert.equal(seen[0]?.request, 'GET /agent/api/health')
  assert.equal(Buffer.from(seen[0]?.headers.authorization ?? '', 'latin1').toString(), 'Bearer gehéim €')
  access.forget()
  assert.deepEqual([access.holdsToken, access.protocols()], [false, ['flynn.v1']])
})

test('a token that is remembered is traded for a cookie and not kept', async (t) => {
  const { access, seen } = await answering(t, { status: 204 })
  assert.deepEqual(await access.logIn('geheim', true), {})
  assert.deepEqual([seen[0]?.request, seen[0]?.body], ['POST /agent/auth/session', '{"token":"geheim"}'])
  assert.deepEqual([access.holdsToken, access.protocols()], [false, ['flynn.v1']])
})

test('logging out forgets the token and gives back the cookie', async (t) => {
  const { access, seen } = await answering(t, { status: 204 })
  await access.logIn('geheim', false)
  assert.deepEqual(await access.logOut(), {})
  assert.deepEqual([seen[0]?.request, access.holdsToken], ['DELETE /agent/auth/session', false])
})

test('a refusal tells its code and message', async (t) => {
  const { access } = await answering(t, { status: 401, body: failure(-4, 'Authentication required') })
  assert.deepEqual(await access.admit(), { refused: { code: -4, message: 'Authentication required' } })
})

test('a refusal in other words than those of the gateway is one too', async (t) => {
  const { access } = await answering(t, { status: 403, body: '<h1>Forbidden</h1>' })
  assert.deepEqual(await access.admit(), { refused: { code: -5, message: 'The gateway answered with HTTP status 403.' } })
})

test('a lockout tells how long it lasts', async (t) => {
  const { access } = await answering(t, { status: 429, headers: { 'retry-after': '42' }, body: failure(-5, 'Too many') })
  assert.deepEqual(await access.logIn('geheim', true), { retry: { afterMs: 42_000, reason: 'Too many' } })
})

test('a gateway that is failing or away is worth another attempt', async (t) => {
  const { access } = await answering(t, { status: 502, body: 'Bad Gateway' })
  assert.deepEqual(await access.admit(), { retry: { reason: 'The gateway answered with HTTP status 502.' } })
  const nobody = new Access('http://127.0.0.1:1/')
  assert.deepEqual(await nobody.admit(), { retry: { reason: 'The gateway cannot be reached.' } })
})
