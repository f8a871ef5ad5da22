import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { Resolver } from 'node:dns/promises'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import test, { type TestContext } from 'node:test'
import fc from 'fast-check'
import Fastify from 'fastify'
import { Webhook as Standard } from 'standardwebhooks'
import gateway from '../../../app.ts'
import { contentOf, fill } from '../../../plugins/channels/webhooks/content.ts'
import { signStandard, verify, type Webhook } from '../../../plugins/channels/webhooks/signatures.ts'
import { checkListening } from '../../../plugins/config/index.ts'
import { resolveConfig } from '../../../plugins/config/parse/load.ts'
import { connect, scratch } from '../../helper.ts'
import { withChannel } from './fixtures.ts'
import { Heard, startPlatform } from './platform.ts'

const hook = (changes: Partial<Webhook>): Webhook => ({
  signature: 'standard',
  header: 'x-signature',
  encoding: 'hex',
  secrets: [],
  allowUnsigned: false,
  ...changes
})

const SLACK_BODY =
  'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c'

/** The platforms' own examples of signed requests. */
const VECTORS = [
  {
    hook: hook({ signature: 'github', secret: "It's a Secret to Everybody" }),
    body: 'Hello, World!',
    now: 0,
    headers: { 'x-hub-signature-256': 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17' }
  },
  {
    hook: hook({ signature: 'slack', secret: '8f742231b10e8888abcd99yyyzzz85a5' }),
    body: SLACK_BODY,
    now: 1531420618,
    headers: {
      'x-slack-request-timestamp': '1531420618',
      'x-slack-signature': 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503'
    }
  },
  {
    hook: hook({ signature: 'standard', secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' }),
    body: '{"test": 2432232314}',
    now: 1614265330,
    headers: {
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v2,abc v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    }
  },
  {
    hook: hook({ signature: 'stripe', secret: 'whsec_test' }),
    body: '{"id":"evt_1"}',
    now: 1700000000,
    headers: {
      'stripe-signature': 't=1700000000,v0=00,v1=00,v1=c89214b5b5da833daed6f0b8c5bb6bd58cea9022bd80ccc78230f3942d632925'
    }
  },
  {
    hook: hook({ signature: 'hex', secret: 'plain', header: 'X-My-Signature' }),
    body: 'anything',
    now: 0,
    headers: { 'x-my-signature': createHmac('sha256', 'plain').update('anything').digest('hex').toUpperCase() }
  },
  {
    hook: hook({ signature: 'hmac', secret: 'plain', header: 'X-Sum', encoding: 'base64', prefix: 'v2=' }),
    body: 'anything',
    now: 0,
    headers: { 'x-sum': `v2=${createHmac('sha256', 'plain').update('anything').digest('base64')}` }
  },
  {
    hook: hook({ signature: 'shopify', secret: 'shop' }),
    body: '{"id":1}',
    now: 0,
    headers: { 'x-shopify-hmac-sha256': createHmac('sha256', 'shop').update('{"id":1}').digest('base64') }
  },
  {
    hook: hook({ signature: 'pagerduty', secret: 'pager' }),
    body: '{"event":{"id":"1"}}',
    now: 0,
    headers: {
      'x-pagerduty-signature': `v1=${'00'.repeat(32)},v1=${createHmac('sha256', 'pager').update('{"event":{"id":"1"}}').digest('hex')}`
    }
  }
] as const

const accepts = (it: { hook: Webhook; headers: object; body: string | Buffer; now: number }): boolean => {
  try {
    verify(it.hook, { headers: { ...it.headers }, body: Buffer.from(it.body), now: it.now * 1000 })
    return true
  } catch {
    return false
  }
}

test("each platform's own example is accepted, and nothing that differs from it", () => {
  for (const vector of VECTORS) {
    const { signature } = vector.hook
    assert.ok(accepts(vector), signature)
    assert.ok(!accepts({ ...vector, body: `${vector.body} ` }), `${signature}: another body`)
    assert.ok(!accepts({ ...vector, headers: {} }), `${signature}: no headers`)
    assert.ok(!accepts({ ...vector, hook: { ...vector.hook, secret: 'other' } }), `${signature}: another secret`)
    assert.ok(
      accepts({ ...vector, hook: { ...vector.hook, secret: 'other', secrets: [vector.hook.secret!] } }),
      `${signature}: rotated`
    )
    assert.ok(!accepts({ ...vector, hook: hook({ signature }) }), `${signature}: no secret`)
    for (const [name, value] of Object.entries(vector.headers)) {
      // Several signatures are what Standard Webhooks has its header for.
      const twice = /^(webhook|x-pagerduty)-signature$/.test(name) ? [] : [`${value}, ${value}`, [value, value]]
      for (const wrong of ['', value.slice(0, -2), ...twice]) {
        assert.ok(!accepts({ ...vector, headers: { ...vector.headers, [name]: wrong } }), `${signature}: ${name} ${wrong}`)
      }
    }
    if (vector.now === 0) continue
    for (const apart of [300, -300]) assert.ok(accepts({ ...vector, now: vector.now + apart }), `${signature}: ${apart} s`)
    for (const apart of [301, -301]) assert.ok(!accepts({ ...vector, now: vector.now + apart }), `${signature}: ${apart} s`)
  }
})

test('whatever body is signed, one flipped bit is noticed', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), fc.nat(), fc.nat({ max: 7 }), (bytes, at, bit) => {
      const body = Buffer.from(bytes)
      const headers = { 'x-signature': createHmac('sha256', 'key').update(body).digest('hex') }
      const signed = hook({ signature: 'hex', secret: 'key' })
      assert.ok(accepts({ hook: signed, headers, body, now: 0 }))
      body[at % body.length]! ^= 1 << bit
      assert.ok(!accepts({ hook: signed, headers, body, now: 0 }))
    })
  )
})

test('what the gateway signs, the library of Standard Webhooks accepts', () => {
  const secret = `whsec_${randomBytes(24).toString('base64')}`
  const body = '{"content":"ä"}'
  const headers = signStandard(secret, { id: 'one', timestamp: Math.floor(Date.now() / 1000), body })
  assert.deepEqual(new Standard(secret).verify(body, headers), { content: 'ä' })
})

test('a template takes fields of the request, each once, and of nothing that is inherited', () => {
  const values = { name: 'ci', body: { ref: 'main', list: [{ a: 1 }], text: '{{name}}' }, headers: { 'x-event': 'push' } }
  const cases = [
    ['Deploy: {{body.ref}}', 'Deploy: main'],
    ['{{ body.list.0.a }}|{{body.list}}', '1|[{"a":1}]'],
    ['{{body.text}} {{headers.x-event}}', '{{name}} push'],
    ['{{body.nothing}}{{body.constructor.name}}{{body.ref.length}}{{}}', '{{}}']
  ] as const
  for (const [template, filled] of cases) assert.equal(fill(template, values), filled)
})

async function rig(t: TestContext, changes: object = {}, others: object = {}) {
  const secret = 'hook secret'
  const config = { ...others, webhooks: { ci: { secret, signature: 'hex' as const, ...changes } } }
  const gateway = await withChannel(t, { config })
  const post = async (
    body: string,
    { name = 'ci', signature = createHmac('sha256', secret).update(body).digest('hex'), headers = {} } = {}
  ) => {
    const answer = await fetch(`${gateway.url}/webhooks/${name}`, {
      method: 'POST',
      body,
      headers: { 'x-signature': signature, ...headers }
    })
    return { status: answer.status, json: (await answer.json()) as Record<string, unknown> }
  }
  return { ...gateway, post }
}

test('a webhook is answered at once, and what it says is a message in its session', async (t) => {
  const { post, url, said } = await rig(t, {
    template: 'Deploy: {{body.ref}}',
    session: 'ops:{{body.ref}}',
    deliverTo: 'test:42'
  })
  const { status, json } = await post('{"ref":"main"}')
  assert.equal(status, 202)
  assert.deepEqual([json.accepted, json.sessionId], [true, 'ops:main'])
  assert.equal((await said('Deploy: main')).conversation, '42')
  const client = await connect(t, url)
  const outcome = await client.call('sessions.resume', { sessionId: 'ops:main', runId: json.runId })
  assert.match(outcome.content, /Deploy: main/)
})

test('the same delivery is one message, also when two come at once', async (t) => {
  const { post, app } = await rig(t)
  const answers = await Promise.all([post('{"n":1}'), post('{"n":1}'), post('{"n":2}')])
  assert.deepEqual(
    answers.map(({ status }) => status),
    [202, 202, 202]
  )
  assert.equal(new Set(answers.map(({ json }) => json.runId)).size, 2)
  assert.equal((await app.db.messages.history('webhook:ci')).filter(({ role }) => role === 'user').length <= 2, true)
})

test('a name that is not known and a wrong signature look the same', async (t) => {
  const { post } = await rig(t)
  const wrong = await post('{}', { signature: 'ff'.repeat(32) })
  assert.deepEqual(wrong, await post('{}', { name: 'other' }))
  assert.deepEqual(wrong, await post('{}', { name: 'constructor' }))
  assert.equal(wrong.status, 401)
})

test('a signed body that is no JSON is 400, a form is accepted', async (t) => {
  const { post, said } = await rig(t, { template: 'Form: {{body.a}}', deliverTo: 'test:1' })
  assert.equal((await post('{"a":')).status, 400)
  assert.equal((await post('{"__proto__":1}')).status, 400)
  assert.equal((await post('not JSON', { headers: { 'content-type': 'application/json' } })).status, 400)
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  assert.equal((await post('a=1&b=2', { headers: form })).status, 202)
  await said('Form: 1')
  assert.equal((await post(`payload=${encodeURIComponent('{"a":"json"}')}`, { headers: form })).status, 202)
  await said('Form: json')
  assert.equal((await post('{"a":"as curl sends it"}', { headers: form })).status, 202)
  await said('Form: as curl sends it')
})

test('without a secret a webhook is off, unless it says that anybody may use it', async (t) => {
  const off = await rig(t, { secret: undefined })
  assert.equal((await off.post('{}')).status, 503)
  const open = await rig(t, { secret: undefined, allowUnsigned: true })
  assert.equal((await open.post('{}')).status, 202)
})

test("Slack's question and GitHub's ping are answered, and the agent does not see them", async (t) => {
  const slack = await rig(t, { signature: 'slack' })
  const body = '{"type":"url_verification","challenge":"abc"}'
  const timestamp = String(Math.floor(Date.now() / 1000))
  const signature = `v0=${createHmac('sha256', 'hook secret').update(`v0:${timestamp}:${body}`).digest('hex')}`
  const asked = await slack.post(body, { headers: { 'x-slack-request-timestamp': timestamp, 'x-slack-signature': signature } })
  assert.deepEqual(asked, { status: 200, json: { challenge: 'abc' } })
  const github = await rig(t, { signature: 'github' })
  const signed = `sha256=${createHmac('sha256', 'hook secret').update('{}').digest('hex')}`
  const pinged = await github.post('{}', { headers: { 'x-hub-signature-256': signed, 'x-github-event': 'ping' } })
  assert.equal(pinged.status, 200)
  assert.equal(await github.app.db.sessions.get('webhook:ci'), undefined)
})

test('who signs nothing and names nothing may say the same twice, and mean it', async (t) => {
  const { post } = await rig(t, { secret: undefined, allowUnsigned: true, idHeader: 'x-id' })
  const runs = await Promise.all([post('{}'), post('{}')])
  assert.equal(new Set(runs.map(({ json }) => json.runId)).size, 2)
  const named = await Promise.all([1, 2].map(() => post('{}', { headers: { 'x-id': 'a' } })))
  assert.equal(new Set(named.map(({ json }) => json.runId)).size, 1)
})

test('a webhook needs no pairing', async (t) => {
  const { post, said } = await rig(t, { deliverTo: 'test:1', template: '{{body.a}}' }, { pairing: { default: 'required' } })
  assert.equal((await post('{"a":"Hello"}')).status, 202)
  await said('Hello')
})

test('answers go to the URL, signed, and one that is not taken there holds up no other session', async (t) => {
  const heard = new Heard()
  const receiver = await startPlatform(t, ({ headers, body, json }) => {
    new Standard('whsec_aG9vayBzZWNyZXQ=').verify(body, headers as Record<string, string>)
    if (json.content.includes('poison')) return { status: 500 }
    heard.add(json.content)
    return {}
  })
  const { post } = await rig(t, {
    secret: undefined,
    secrets: ['hook secret', 'whsec_aG9vayBzZWNyZXQ='].reverse(),
    signature: 'standard',
    session: 'ops:{{body.n}}',
    template: '{{body.text}}',
    deliverTo: `${receiver.url}/answers`
  })
  const standard = (id: string, body: string) => ({
    headers: signStandard('hook secret', { id, timestamp: Math.floor(Date.now() / 1000), body })
  })
  for (const [n, text] of ['poison', 'cure'].entries()) {
    const body = JSON.stringify({ n, text })
    assert.equal((await post(body, standard(text, body))).status, 202)
  }
  await heard.arrived(1)
  assert.match(heard.texts[0]!, /cure/)
})

test('what the operator may not have meant is said at the start', async (t) => {
  const lines: Record<string, unknown>[] = []
  const host = Fastify({ logger: { stream: { write: (line: string) => void lines.push(JSON.parse(line)) } } })
  t.after(() => host.close())
  const webhooks = {
    open: { allowUnsigned: true },
    off: {},
    lost: { secret: 'x', deliverTo: 'nowhere:1' },
    good: { secret: 'x', deliverTo: 'telegram:1' }
  }
  await host.register(gateway, { config: { dataDir: await scratch(t), webhooks } })
  await host.ready()
  const said = lines.flatMap(({ webhook, msg }) => (webhook === undefined ? [] : [`${webhook}: ${msg}`]))
  assert.deepEqual(said, [
    'open: a webhook without secret takes requests of every local program',
    'off: a webhook without secret is off',
    'lost: answers of a webhook are dropped: unknown channel nowhere'
  ])
})

test('a webhook that anybody may use does not start where others reach the gateway', () => {
  const check = (webhook: object, host = '0.0.0.0') =>
    checkListening(resolveConfig({ server: { host, token: 'x'.repeat(32) }, webhooks: { open: webhook } }))
  assert.throws(() => check({ allowUnsigned: true }), /webhooks\.open\.allow_unsigned lets everyone who reaches 0\.0\.0\.0/)
  check({ allowUnsigned: true, secret: 'x' })
  check({ allowUnsigned: true }, '127.0.0.1')
})

test('no name of the network is reached, whatever is delivered to it: an address is what the operator has written', async (t) => {
  const receiver = await startPlatform(t, () => ({}))
  const { port } = new URL(receiver.url)
  const deliverTo = (host: string) => ({ deliverTo: `http://${host}:${port}/` })
  const channelOf = async (host: string) => (await rig(t, deliverTo(host))).app.channels.get('webhook')!
  const delivery = {
    conversation: 'webhook:ci',
    context: { webhook: 'ci' },
    text: 'hi',
    id: '1',
    signal: AbortSignal.timeout(10_000)
  }
  for (const host of ['127.0.0.1', 'localhost']) await (await channelOf(host)).deliver(delivery)
  assert.equal(receiver.requests.length, 2)
  t.mock.method(Resolver.prototype, 'resolve4', async () => ['127.0.0.1'])
  await assert.rejects((await channelOf('rebinding.example')).deliver(delivery), {
    retryable: false,
    message: /not a public address/
  })
  assert.equal(receiver.requests.length, 2)
})

test('bodies of every kind reach the agent', async () => {
  const multipart = [
    '--xx',
    'content-disposition: form-data; name="title"',
    '',
    'Build 7',
    '--xx',
    'content-disposition: form-data; name="log"; filename="log.txt"',
    'content-type: text/plain',
    '',
    'all green',
    '--xx',
    'content-disposition: form-data; name="icon"; filename="a.png"',
    'content-type: image/png',
    '',
    'PNG',
    '--xx--',
    ''
  ].join('\r\n')
  const bom = '\ufeff'
  const cases: [string | undefined, string | Buffer, unknown][] = [
    ['application/json', '{"a":1}', { a: 1 }],
    ['application/json; charset=utf-8', `${bom}{"a":1}`, { a: 1 }],
    ['application/cloudevents+json', '[1]', [1]],
    ['text/plain', '{"a":1}', { a: 1 }],
    [undefined, '{"a":1}', { a: 1 }],
    [undefined, 'disk full', 'disk full'],
    ['text/plain', 'disk full', 'disk full'],
    ['text/plain', '[ALERT] disk full', '[ALERT] disk full'],
    ['text/plain', '{urgent} disk full', '{urgent} disk full'],
    ['text/plain; charset=iso-8859-1', Buffer.from('caf\u00e9', 'latin1'), 'caf\u00e9'],
    ['text/plain', Buffer.from(`${bom}caf\u00e9`, 'utf16le'), 'caf\u00e9'],
    ['application/xml', '<a>1</a>', '<a>1</a>'],
    ['text/xml; charset=utf-8', `${bom}<a/>`, '<a/>'],
    ['application/x-www-form-urlencoded', 'a=1&b=2&b=3', { a: '1', b: ['2', '3'] }],
    ['application/x-www-form-urlencoded', 'payload=%7B%22a%22%3A1%7D', { a: 1 }],
    ['application/x-www-form-urlencoded', 'just text', 'just text'],
    ['', '', {}],
    [
      'multipart/form-data; boundary=xx',
      multipart,
      {
        title: 'Build 7',
        log: { filename: 'log.txt', type: 'text/plain', size: 9, text: 'all green' },
        icon: { filename: 'a.png', type: 'image/png', size: 3 }
      }
    ]
  ]
  for (const [type, body, expected] of cases) {
    assert.deepEqual(await contentOf(type, Buffer.from(body)), expected, `${type} ${body}`)
  }
  await assert.rejects(contentOf('multipart/form-data; boundary=yy', Buffer.from('--xx')), { status: 400 })
})

test('a body has up to one MiB', async (t) => {
  const { post } = await rig(t)
  const body = (length: number) => `"${'x'.repeat(length - 2)}"`
  const headers = { 'content-type': 'application/json' }
  assert.equal((await post(body(1024 * 1024), { headers })).status, 202)
  assert.equal((await post(body(1024 * 1024 + 1), { headers })).status, 413)
})

test('a captured request starts nothing, under another id or a day later', async (t) => {
  const github = await rig(t, { signature: 'github' })
  const sign = (body: string) => `sha256=${createHmac('sha256', 'hook secret').update(body).digest('hex')}`
  const deliver = (body: string, id: string) =>
    github.post(body, { headers: { 'x-hub-signature-256': sign(body), 'x-github-delivery': id } })
  const first = await deliver('{"n":1}', 'a')
  const answers = await Promise.all([deliver('{"n":1}', 'b'), deliver('{"n":1}', 'a'), deliver('{"n":2}', 'a')])
  for (const { status, json } of answers) assert.deepEqual([status, json.duplicate, json.runId], [202, true, first.json.runId])
  assert.equal((await deliver('{"n":3}', 'c')).json.duplicate, undefined)

  const hex = await rig(t)
  const { json } = await hex.post('{"n":1}')
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 400 * 24 * 60 * 60_000 })
  assert.deepEqual((await hex.post('{"n":1}')).json, { ...json, duplicate: true })
})

test('a webhook without secret takes requests of local programs only', async (t) => {
  const { url } = await rig(t, { secret: undefined, allowUnsigned: true })
  const status = async (headers: Record<string, string>): Promise<number | undefined> => {
    const { port } = new URL(url)
    const sent = request({ port, host: '127.0.0.1', path: '/webhooks/ci', method: 'POST', headers })
    sent.end('hello')
    const [answer] = (await once(sent, 'response')) as [IncomingMessage]
    answer.resume()
    return answer.statusCode
  }
  for (const [headers, expected] of [
    [{}, 202],
    [{ host: 'localhost:18800' }, 202],
    [{ host: '[::1]' }, 202],
    [{ host: 'rebound.example' }, 403],
    [{ host: 'localhost.example' }, 403],
    [{ host: '192.168.1.2:18800' }, 403],
    [{ origin: 'https://evil.example' }, 403],
    [{ origin: 'null' }, 403],
    [{ 'sec-fetch-site': 'cross-site' }, 403],
    [{ 'x-forwarded-for': '203.0.113.1' }, 403],
    [{ forwarded: 'for=203.0.113.1' }, 403]
  ] as const) {
    assert.equal(await status(headers as Record<string, string>), expected, JSON.stringify(headers))
  }
})

test('a webhook gives no commands', async (t) => {
  const { post, app, said } = await rig(t, { template: '{{body.text}}', deliverTo: 'test:1' })
  await post('{"text":"/new"}')
  await said('/new')
  const [first] = await app.db.messages.history('webhook:ci')
  assert.equal(first?.content, '/new')
})

test("GitLab's token is its proof", async (t) => {
  const { post } = await rig(t, { signature: 'gitlab' })
  assert.equal((await post('{}')).status, 401)
  assert.equal((await post('{}', { headers: { 'x-gitlab-token': 'wrong' } })).status, 401)
  const twice = await Promise.all(
    [1, 2].map((n) => post(`{"n":${n}}`, { headers: { 'x-gitlab-token': 'hook secret', 'idempotency-key': 'k' } }))
  )
  assert.deepEqual(
    twice.map(({ status }) => status),
    [202, 202]
  )
  assert.equal(new Set(twice.map(({ json }) => json.runId)).size, 1)
})
