import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { masked, namesSecret, printable } from '../../security/sanitize.ts'

/** Put together here, so that no scanner takes them for real. */
const KEY = ['sk', 'ant', 'abcdefghijklmnopqrstuvwx'].join('-')
const GITHUB = ['ghp', 'abcdefghijklmnopqrstuvwx'].join('_')
const JWT = ['eyJhbGciOiJIUzI1NiJ9', 'eyJzdWIiOiIxIn0', 'c2lnbmF0dXJl'].join('.')

test('what is shown is one line, in the direction it is written, and nothing in it is invisible', () => {
  for (const show of [printable, (text: string, limit: number) => masked(text, { limit })]) {
    assert.equal(show('one\r\ntwo\u001b[31m\u009b\u2028three\u0000', 100), 'one two [31m three ')
    assert.equal(show('a\u202eb\u2066c\u200bd\u{e0041}e\ufefff', 100), 'a b c d e f')
    assert.equal(show('grüezi 🚂', 100), 'grüezi 🚂')
  }
})

test('what is shown is short', () => {
  assert.equal(printable('x'.repeat(5), 4), 'xxxx…')
  assert.equal(printable('x'.repeat(4), 4), 'xxxx')
  assert.equal(masked('x'.repeat(1_000_000), { limit: 300 }), `${'x'.repeat(300)}…`)
})

for (const [text, expected] of [
  ['see https://me:pw@host/v1', 'see https://***@host/v1'],
  ['https://me:p@w@host', 'https://***@host'],
  ['GET http://host/v1?key=abc failed', 'GET http://host/v1?*** failed'],
  ['Authorization: Bearer abc.def', 'Authorization: Bearer ***'],
  ["curl -H 'Authorization: Basic bWU6cHc=' host", "curl -H 'Authorization: Basic ***' host"],
  ['sent bearer abcdef, no', 'sent bearer ***, no'],
  [`Incorrect API key: ${['sk', 'proj', 'ab***yz'].join('-')}.`, 'Incorrect API key: ***'],
  [`with ${KEY} in it`, 'with *** in it'],
  [`with ${['xai', 'abcdefgh'].join('-')} in it`, 'with *** in it'],
  [`with ${GITHUB} in it`, 'with *** in it'],
  [`with ${JWT} in it`, 'with *** in it'],
  ['password=hunter22 at home', 'password=*** at home'],
  ['my_token:abcdef', 'my_token:***'],
  ['{"api_key": "0123456789", "n": 1}', '{"api_key": "***", "n": 1}'],
  [String.raw`{"password":"a\"b c","n":1}`, '{"password":"***","n":1}'],
  [JSON.stringify(JSON.stringify({ secret: 'a b', n: 1 })), String.raw`"{\"secret\":\"***\",\"n\":1}"`],
  ['{"passphrase":"cut off in the mid', '{"passphrase":"***'],
  ['token:dash of the caller', 'token:dash of the caller'],
  ['plain words stay, 12:30, a? b=c', 'plain words stay, 12:30, a? b=c']
] as const) {
  test(`shown is ${JSON.stringify(expected)}`, () => {
    assert.equal(masked(text, { limit: 300 }), expected)
    assert.equal(masked(expected, { limit: 300 }), expected, 'masked again it is the same')
  })
}

test('no form of a secret that is known survives, wherever it stands', () => {
  const anything = fc.string({ unit: 'grapheme', maxLength: 400 })
  const secret = fc
    .string({ unit: 'grapheme', minLength: 8, maxLength: 60 })
    // What may be a word or a number is looked for from 16 characters on.
    .filter((text) => text.trim().length > 15 || (text.trim().length > 7 && !/^(?:\p{L}+|\p{Nd}+)$/u.test(text.trim())))
  fc.assert(
    fc.property(anything, secret, anything, (before, secret, after) => {
      for (const form of [
        secret,
        encodeURIComponent(secret),
        JSON.stringify(secret).slice(1, -1),
        Buffer.from(secret).toString('base64'),
        Buffer.from(secret).toString('base64url')
      ]) {
        assert.ok(!masked(`${before}${form}${after}`, { secrets: [secret], limit: 5000 }).includes(form))
      }
    })
  )
})

test('a secret that is the beginning of another leaves nothing of it', () => {
  assert.equal(masked('canary-1-long', { secrets: ['canary-1', 'canary-1-long'], limit: 300 }), '***')
  assert.equal(masked('a b', { secrets: ['a', '', ' '], limit: 300 }), 'a b', 'what is too short is no secret')
})

test('paths of the server are hidden', () => {
  assert.equal(masked('no /srv/data/w/file in /srv/data', { hidden: ['/srv/data/w', '/srv/data'], limit: 300 }), 'no …/file in …')
})

test('a secret is gone wherever the text is cut', () => {
  for (const limit of [20, 300, 20_000]) {
    for (let at = 0; at < 9000; at += 7) {
      const shown = masked(`${'. '.repeat(at / 2)}${GITHUB} in it`, { limit })
      assert.ok(!shown.includes('abcde'), `${at} ${limit}`)
    }
  }
})

test('no text is too long or too hostile', () => {
  const pieces = [
    '://',
    '@',
    'token',
    '="',
    "='",
    '\\"',
    '\\',
    ' ',
    'bearer ',
    'eyJ',
    '-',
    'sk-',
    '?',
    '=',
    'secret :',
    'api ',
    '\n',
    'x'
  ]
  const hostile = fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 6 }).map((parts) => parts.join(''))
  fc.assert(
    fc.property(hostile, fc.constantFrom(10, 1000, 100_000), (piece, times) => {
      const text = piece.repeat(times)
      const shown = masked(text, { limit: 300, secrets: ['canary-1'], hidden: ['/srv'] })
      assert.ok(shown.length <= 301)
      // The work has an end: what comes after 8192 characters changes nothing.
      if (text.length > 8192) assert.equal(masked(`${text}${text}`, { limit: 1e6 }), masked(text, { limit: 1e6 }))
    })
  )
})

test('a name tells that its value is a secret', () => {
  for (const name of ['token', 'apiKeys', 'api_key', 'x-api-key', 'Authorization', 'set-cookie', 'clientSecret', 'passphrase'])
    assert.ok(namesSecret(name), name)
  for (const name of ['tokenCount', 'inputs', 'keyboard', 'reason']) assert.ok(!namesSecret(name), name)
})
