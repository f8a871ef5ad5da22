import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { parseAuthenticationResults } from '../../../plugins/channels/gmail/authentication-results.ts'
import { textOf } from '../../../plugins/channels/gmail/body.ts'
import { mailOf } from '../../../plugins/channels/gmail/mail.ts'

const ME = 'me@example.com'
const b64 = (data: string | Buffer) => ({ data: Buffer.from(data).toString('base64url') })
const plain = (text: string | Buffer, charset?: string) => ({
  mimeType: 'text/plain',
  headers: charset === undefined ? [] : [{ name: 'Content-Type', value: `text/plain; charset="${charset}"` }],
  body: b64(text)
})
const html = (text: string | Buffer) => ({ mimeType: 'text/html', body: b64(text) })
const multi = (kind: string, ...parts: object[]) => ({ mimeType: `multipart/${kind}`, parts })

const mail = (changes: { headers?: [string, string][]; payload?: object; labelIds?: string[] } = {}) => ({
  id: 'm',
  threadId: 't',
  labelIds: changes.labelIds ?? ['INBOX'],
  snippet: 'snippet',
  payload: {
    ...plain('Hello'),
    ...changes.payload,
    headers: [
      ...(changes.headers?.some(([name]) => name === 'From') ? [] : [['From', 'Ann <ann@example.com>']]),
      ...(changes.headers ?? [])
    ].map(([name, value]) => ({ name, value }))
  }
})

test('the richest part that says anything is the text', async () => {
  const letter =
    '<html><head><style>p{}</style></head><body><h1>Hi</h1><p>See <a href="https://x.example">this</a></p></body></html>'
  for (const [part, expected] of [
    [plain('Hi'), 'Hi'],
    [html(letter), 'HI\n\nSee this [https://x.example]'],
    [multi('alternative', plain('  \r\n '), html('<p>Real</p>')), 'Real'],
    [multi('alternative', plain('View it in a browser'), html('<p>Real</p>')), 'Real'],
    [multi('alternative', plain('Text'), html('<img src="x">')), 'Text'],
    [multi('alternative', plain('Text'), html('<p>Rich</p>'), { mimeType: 'text/calendar', body: b64('BEGIN') }), 'Rich'],
    [
      multi('mixed', multi('alternative', plain('A'), html('<b>A</b>')), { ...plain('B'), filename: 'b.txt' }, plain('footer')),
      'A\n\nfooter'
    ],
    [
      multi('related', html('<p>With <img src="cid:1">picture</p>'), { mimeType: 'image/png', filename: 'i.png', body: {} }),
      'With picture'
    ],
    [html('<div style="display:none">hidden</div><p>shown</p><p hidden>not</p>'), 'shown'],
    [multi('mixed', plain('Fwd'), { mimeType: 'message/rfc822', parts: [plain('inner')] }), 'Fwd\n\ninner'],
    [plain(Buffer.from('caf\u00e9', 'latin1'), 'iso-8859-1'), 'caf\u00e9'],
    [plain('caf\u00e9', 'iso-8859-1'), 'caf\u00e9'],
    [plain(Buffer.from('f0d2c9d7c5d4', 'hex'), 'koi8-r'), '\u041f\u0440\u0438\u0432\u0435\u0442'],
    [plain(Buffer.from('1b2442467c4b5c1b2842', 'hex'), 'iso-2022-jp'), '\u65e5\u672c'],
    [plain(Buffer.from('caf\u00e9', 'latin1'), 'no-such-charset'), 'caf\ufffd'],
    [undefined, '']
  ] as const) {
    assert.equal(await textOf(part as never), expected)
  }
})

test('mail of machines is not answered', async () => {
  assert.ok(await mailOf(mail(), ME))
  for (const headers of [
    ['List-Unsubscribe', '<mailto:u@x.example>'],
    ['List-Id', '<l.x.example>'],
    ['Precedence', 'auto_reply'],
    ['Auto-Submitted', 'auto-generated; owner-email="x"'],
    ['X-Auto-Response-Suppress', 'All'],
    ['X-Autoreply', 'yes'],
    ['Return-Path', '<>'],
    ['Content-Type', 'multipart/report; report-type=delivery-status'],
    ['From', 'no-reply@shop.example'],
    ['From', 'Mail Delivery <MAILER-DAEMON@x.example>'],
    ['From', 'do-not-reply+123@x.example'],
    ['From', 'noreply-apps@x.example']
  ] as [string, string][]) {
    assert.equal(await mailOf(mail({ headers: [headers] }), ME), undefined, headers.join(': '))
  }
  assert.ok(
    await mailOf(
      mail({
        headers: [
          ['Auto-Submitted', 'no'],
          ['X-Auto-Response-Suppress', 'None']
        ]
      }),
      ME
    )
  )
  assert.ok(await mailOf(mail({ headers: [['From', 'nora.reply@x.example']] }), ME))
})

test('subjects and names are decoded, and an answer goes to the sender', async () => {
  const read = await mailOf(
    mail({
      headers: [
        ['From', '=?UTF-8?Q?J=C3=BCrgen=2C_Boss?= <j@example.com>'],
        ['Subject', '=?utf-8?B?R3LDvMOf?=\r\n =?utf-8?B?ZSE=?='],
        ['Reply-To', 'other@evil.example']
      ]
    }),
    ME
  )
  assert.equal(read?.fromName, 'J\u00fcrgen, Boss')
  assert.equal(read?.text, 'Subject: Gr\u00fc\u00dfe!\n\nHello')
  assert.equal(read?.context.to, 'j@example.com')
})

test('the account itself is heard when Gmail has sent its mail', async () => {
  const from = async (labelIds: string[]) => (await mailOf(mail({ headers: [['From', ME]], labelIds }), ME))?.from
  assert.equal(await from(['SENT', 'INBOX']), ME)
  assert.equal(await from(['INBOX']), `unverified:${ME}`)
  assert.equal(await from(['SENT']), undefined)
})

test('several senders prove nothing', async () => {
  const results: [string, string] = ['Authentication-Results', 'mx.google.com; dmarc=pass header.from=example.com']
  const from = async (...headers: [string, string][]) => (await mailOf(mail({ headers: [...headers, results] }), ME))?.from
  assert.equal(await from(['From', 'ann@example.com']), 'ann@example.com')
  assert.equal(await from(['From', 'ann@example.com, bob@example.com']), 'unverified:ann@example.com')
  assert.equal(await from(['From', 'ann@example.com'], ['From', 'bob@evil.example']), 'unverified:ann@example.com')
})

test('files of a mail are listed with their ids', async () => {
  const file = { mimeType: 'application/pdf', filename: 'a.pdf', body: { attachmentId: 'x', size: 9 } }
  const read = await mailOf(mail({ payload: multi('mixed', plain(''), file) }), ME)
  assert.deepEqual(read?.files, [{ filename: 'a.pdf', mimeType: 'application/pdf', size: 9, data: undefined, attachmentId: 'x' }])
})

const word = fc.stringMatching(/^[a-z][a-z0-9.-]{0,12}$/)
const comment = fc.string({ maxLength: 20 }).map((text) => `(${text.replace(/[\\()]/g, '\\$&')})`)
const gap = fc.oneof(fc.constant(' '), fc.constant('\r\n\t'), comment)
const anyValue = fc.string({ maxLength: 20 })
const quoted = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`

test('any text in comments and quotes changes no result', () => {
  fc.assert(
    fc.property(word, fc.array(fc.tuple(word, word, word, anyValue, gap), { maxLength: 4 }), gap, (server, results, space) => {
      const header = `${server}${space}${results
        .map(
          ([method, result, name, value, gap]) => `;${gap}${method}=${result}${gap} header.${name}${gap}=${gap}${quoted(value)}`
        )
        .join('')}`
      const parsed = parseAuthenticationResults(header)
      assert.equal(parsed?.server, server)
      assert.deepEqual(
        parsed?.results.map(({ method, result, properties }) => [method, result, [...properties]]),
        results.map(([method, result, name, value]) => [method, result, [[`header.${name}`, value]]])
      )
    })
  )
})

test('no text makes the parser throw', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'ab=;()"\\ .\t/') }), (text) => void parseAuthenticationResults(text))
  )
  for (const wrong of [
    '',
    ';',
    'a b c',
    'mx; dmarc',
    'mx; dmarc=',
    'mx; =pass',
    'mx; dmarc=pass x',
    'mx (',
    'mx "',
    'mx; a=b)'
  ]) {
    assert.equal(parseAuthenticationResults(wrong), undefined, wrong)
  }
  assert.deepEqual(parseAuthenticationResults('mx.google.com; none'), { server: 'mx.google.com', results: [] })
})
