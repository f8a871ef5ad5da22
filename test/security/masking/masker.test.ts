import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { Automaton } from '../../../security/masking/automaton.ts'
import { Masker } from '../../../security/masking/masker.ts'
import { viewsOf } from '../../../security/masking/views.ts'
import { rounds } from '../../rounds.ts'

const ESC = '\u001b'

/** Put together here, so that no scanner takes them for real. */
const join = (separator: string, ...parts: string[]): string => parts.join(separator)
const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJ'
const TOKENS: Readonly<Record<string, string>> = {
  anthropic: join('-', 'sk', 'ant', 'api03', LETTERS),
  openai: join('-', 'sk', 'proj', LETTERS),
  github: join('_', 'ghp', LETTERS),
  'github, fine-grained': join('_', 'github', 'pat', LETTERS),
  gitlab: join('-', 'glpat', LETTERS.slice(0, 20)),
  slack: join('-', 'xoxb', '123456789012', LETTERS),
  aws: join('', 'AKIA', 'ABCDEFGHIJKLMNOP'),
  'google api': join('', 'AIza', LETTERS.slice(0, 35)),
  'google oauth': join('.', 'ya29', LETTERS),
  sendgrid: join('.', 'SG', LETTERS.slice(0, 22), LETTERS),
  telegram: join(':', '123456789', LETTERS.slice(0, 35)),
  'telegram in a path': join(':', 'bot123456789', LETTERS.slice(0, 35)),
  jwt: join('.', 'eyJhbGciOiJIUzI1NiJ9', 'eyJzdWIiOiIxIn0', 'c2lnbmF0dXJl'),
  tailscale: join('-', 'tskey', 'auth', LETTERS),
  hugging: join('_', 'hf', LETTERS),
  npm: join('_', 'npm', LETTERS),
  'standard webhooks': join('_', 'whsec', 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'),
  stripe: join('_', 'sk', 'live', LETTERS),
  mailgun: join('-', 'key', '0123456789abcdef0123456789abcdef')
}

/** By what knows no secret by its value. */
const mask = (text: string) => new Masker().mask(text)

for (const [kind, token] of Object.entries(TOKENS)) {
  test(`a token is known by its shape: ${kind}`, () => {
    for (const [before, after] of [
      ['', ''],
      ['with ', ' in it'],
      ['"', '"'],
      ['[', ']'],
      ['https://host/', '/getMe'],
      ['q=hello%20', '%0A'],
      ['{"text":"line\\n', '\\nline"}'],
      [`${ESC}[31m`, `${ESC}[0m`]
    ] as const) {
      const { text, masked } = mask(`${before}${token}${after}`)
      assert.ok(masked)
      assert.ok(!text.includes(token.slice(-12)), text)
    }
    assert.ok(mask(`${token.slice(0, -6)}${ESC}[1m${token.slice(-6)}`).masked, 'colours do not tear it')
  })
}

for (const [text, expected] of [
  ['Cookie: a=b; session=abcdef', 'Cookie: ***'],
  ['set-cookie: sid=1; Path=/', 'set-cookie: ***'],
  ['Authorization: Digest username="a", response="b"', 'Authorization: ***'],
  ['Proxy-Authorization: Basic bWU6cHc=', 'Proxy-Authorization: Basic ***'],
  ['{"authorization":"Digest a b","n":1}', '{"authorization":"***","n":1}'],
  ['grant=x&code=abc&n=1&sig=x', 'grant=x&code=***&n=1&sig=***'],
  ['secretKey: abcdef, n', 'secretKey: ***, n'],
  ['DB_PASSWORD=hunter2 ok', 'DB_PASSWORD=*** ok'],
  ['password:          aligned', 'password:          ***'],
  ['postgres://me:pw@db/flynn', 'postgres://***@db/flynn'],
  ['a%3A%20password%3Dhunter2%26n', 'a%3A%20password%3D***%26n'],
  ['{"msg":"{\\"token\\":\\"abc\\"}"}', '{"msg":"{\\"token\\":\\"***\\"}"}']
] as const) {
  test(`a place gives a secret away: ${expected}`, () => {
    assert.deepEqual(mask(text), { text: expected, masked: true })
    assert.deepEqual(mask(expected), { text: expected, masked: false }, 'and what is masked is no secret')
  })
}

test('what only looks like a secret is shown as it was', () => {
  for (const text of [
    '',
    'queue depth rising',
    'inputTokens: 250, outputTokens: 1234, n_tokens = 512',
    '{"tokens":250}',
    `password=null token: undefined secret=\${HOOK_SECRET} api_key: "***"`,
    'sha256:757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
    '3f2504e0-4f89-11d3-9a0c-0305e82c3301 e783ee3',
    '2026-11-22T21:30:15.123Z GET /api/tags 200 12:30',
    'a 100% sure \\o/ C:\\new\\table',
    'pair by pair \u{1f468}\u200d\u{1f469}\u200d\u{1f467}\ttabs\nand lines'
  ])
    assert.deepEqual(mask(text), { text, masked: false })
})

const ENCODINGS: Readonly<Record<string, (secret: string) => string>> = {
  plain: (secret) => secret,
  url: encodeURIComponent,
  'url, lower case': (secret) => encodeURIComponent(secret).replace(/%../g, (code) => code.toLowerCase()),
  'url, every byte': (secret) => Buffer.from(secret).toString('hex').replace(/../g, '%$&'),
  'url of a url': (secret) => encodeURIComponent(encodeURIComponent(secret)),
  form: (secret) => new URLSearchParams({ secret }).toString().slice('secret='.length),
  json: (secret) => JSON.stringify(secret).slice(1, -1),
  'json in json': (secret) => JSON.stringify(JSON.stringify(secret)).slice(3, -3),
  'json, ascii': (secret) => unicode(JSON.stringify(secret).slice(1, -1), /[^ -~]/g),
  'json, every character': (secret) => unicode(secret, /[\s\S]/g),
  'json in a url': (secret) => encodeURIComponent(JSON.stringify(secret).slice(1, -1)),
  hex: (secret) => Buffer.from(secret).toString('hex'),
  'hex, upper case': (secret) => Buffer.from(secret).toString('hex').toUpperCase(),
  base64: (secret) => Buffer.from(secret).toString('base64'),
  base64url: (secret) => Buffer.from(secret).toString('base64url'),
  'base64 in a url': (secret) => encodeURIComponent(Buffer.from(secret).toString('base64'))
}

function unicode(text: string, which: RegExp): string {
  return text.replace(which, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

const anything = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 200 }),
  fc
    .array(fc.constantFrom('%', '%4', '\\', '\\u00', '"', '=', ':', '?', ' ', '\n', ESC, `${ESC}[1;31m`, 'token', 'x'), {
      maxLength: 40
    })
    .map((parts) => parts.join(''))
)
/** Long and various enough that it does not come about by chance: no word and no number. */
const secrets = fc
  .oneof(
    fc.string({ unit: 'grapheme', minLength: 8, maxLength: 120 }),
    fc.string({ unit: 'grapheme-ascii', minLength: 8, maxLength: 120 }),
    fc.uint8Array({ minLength: 8, maxLength: 90 }).map((bytes) => Buffer.from(bytes).toString('base64'))
  )
  .filter(
    (secret) => new Set(secret).size > 6 && secret.trim() === secret && isVarious(secret) && !/[\r\n\p{Cc}\p{Cf}]/u.test(secret)
  )

const isVarious = (secret: string): boolean =>
  [/\p{L}/u, /\p{Nd}/u, /[^\p{L}\p{Nd}]/u].filter((kind) => kind.test(secret)).length > 1

for (const [name, encode] of Object.entries(ENCODINGS)) {
  test(`no known secret survives: ${name}`, () => {
    fc.assert(
      fc.property(anything, secrets, anything, (before, secret, after) => {
        const form = encode(secret)
        const { text, masked } = new Masker([secret]).mask(`${before} ${form} ${after}`)
        assert.ok(masked)
        assert.ok(!text.includes(form), text)
        assert.ok(!text.includes(form.slice(0, 24)) || form.length < 32, 'nor its beginning')
      })
    )
  })
}

test('no known secret survives in the middle of a longer text in base64, wherever it begins there', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 40 }),
      secrets,
      fc.uint8Array({ maxLength: 40 }),
      fc.boolean(),
      (before, secret, after, url) => {
        const encoded = Buffer.concat([before, Buffer.from(secret), after]).toString(url ? 'base64url' : 'base64')
        const { text } = new Masker([secret]).mask(`data ${encoded} end`)
        // What is left on both sides holds no bit of the secret.
        const [left = '', right = ''] = text.slice('data '.length, -' end'.length).split('***')
        const secretEnds = before.length + Buffer.byteLength(secret)
        assert.ok(left.length <= Math.floor((before.length * 8) / 6), `${left} of ${encoded}`)
        assert.ok(right.length <= encoded.length - Math.ceil((secretEnds * 8) / 6), `${right} of ${encoded}`)
      }
    )
  )
})

test('no known secret survives with colours and invisible characters in the middle of it', () => {
  const inside = fc.constantFrom(
    `${ESC}[1;31m`,
    `${ESC}[0m`,
    `${ESC}]8;;http://x${ESC}\\`,
    '\u009b1m',
    '\u0000',
    '\u200b',
    '\u202e'
  )
  const encoding = fc.constantFrom('plain', 'json', 'json, every character', 'base64')
  fc.assert(
    fc.property(secrets, fc.array(fc.tuple(fc.nat(), inside), { maxLength: 5 }), encoding, (secret, torn, encoding) => {
      const masker = new Masker([secret])
      const tear = (text: string): string => inserted(text, torn)
      assert.equal(masker.mask(`a ${tear(ENCODINGS[encoding]!(secret))} b`).text.replace(/=+ /, ' '), 'a *** b')
      // What tears it may be escaped itself, as a logger writes it.
      assert.equal(masker.mask(JSON.stringify({ msg: tear(secret) })).text, '{"msg":"***"}')
    })
  )
})

/** Each between two characters of the text. */
function inserted(text: string, torn: ReadonlyArray<readonly [at: number, what: string]>): string {
  const characters = [...text]
  const places = new Map(torn.map(([at, what]) => [1 + (at % (characters.length - 1)), what]))
  return characters.map((character, at) => (places.get(at) ?? '') + character).join('')
}

test('a secret of several lines is found line by line, and one that is long in pieces', () => {
  const lines = ['first-line-of-it', 'second-line-of-it']
  const masker = new Masker([lines.join('\n')])
  assert.deepEqual(
    [...masker.maskLines(['a first-line-of-it', 'second-line-of-it b'])],
    [
      { text: 'a ***', masked: true },
      { text: '*** b', masked: true }
    ]
  )
  const long = Array.from({ length: 20 }, (_, n) => `piece${n}`).join('')
  for (let at = 40; at < long.length; at++) {
    const { text } = new Masker([long]).mask(`torn: ${long.slice(0, at)}`)
    assert.ok(text.length < 'torn: ***'.length + 32, text)
  }
})

test('of secrets that begin alike, hold each other, overlap or are too short nothing is left', () => {
  const masker = new Masker(['canary-1', 'canary-1-long', 'long-tail', 'a', '', ' ', 'abc'])
  assert.equal(masker.mask('canary-1-long').text, '***')
  assert.equal(masker.mask('xcanary-1-long-taily').text, 'x***y')
  assert.equal(masker.mask('canary-1canary-1').text, '***')
  assert.deepEqual(masker.mask('a b abc'), { text: 'a b abc', masked: false })
})

test('a secret that is short, a word or a number hides no word, number, id or name, and is hidden in its places', () => {
  const weak = ['node', 'test', '1234', 'Password', 'DATABASE', '12345678', 'anthropic', 'hunter2', 'production']
  const masker = new Masker(weak)
  for (const text of [
    'node.register of ws:12345678-test is asked for by token:node',
    'the Password of the DATABASE, in production, with anthropic',
    Buffer.from('hunter2').toString('base64')
  ])
    assert.deepEqual(masker.mask(text), { text, masked: false })
  for (const secret of weak) {
    assert.equal(masker.mask(`password=${secret}`).text, 'password=***')
    assert.equal(masker.mask(`Authorization: Bearer ${secret}`).text, 'Authorization: Bearer ***')
  }
  for (const secret of ['hunter22', 'n0de-token', 'QwErTyUi', 'correcthorsebattery', '1234567812345678'])
    assert.equal(new Masker([secret]).mask(`a ${secret} b`).text, 'a *** b')
})

test('all places of all words are found that a search of each of them finds', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 4, maxLength: 9 })
  fc.assert(
    fc.property(
      fc.array(word, { minLength: 1, maxLength: 6 }),
      fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 100 }),
      (words, haystack) => {
        const hidden = Array.from(haystack, () => false)
        for (const word of words)
          for (let at = haystack.indexOf(word); at >= 0; at = haystack.indexOf(word, at + 1))
            hidden.fill(true, at, at + word.length)
        const found = Array.from(haystack, () => false)
        for (const [start, end] of new Automaton(words).find(haystack)) found.fill(true, start, end)
        assert.deepEqual(found, hidden)
      }
    ),
    { numRuns: rounds(300) }
  )
  // The end of what might have become another word.
  assert.deepEqual(new Automaton(['abab', 'aababb']).find('aababa'), [[1, 5]])
})

const PEM = [
  '-----BEGIN PRIVATE KEY-----',
  'MIIEvQIBADANBgkqhkiG9w0BAQEFAASC',
  'QIBADANBgkqhkiG9w0BAQEFAASCBKcw',
  '-----END PRIVATE KEY-----'
]

test('a PEM block goes with its frame: in one text, in JSON, over the lines of a log, and without its beginning or its end', () => {
  assert.equal(mask(`a\n${PEM.join('\n')}\nb`).text, 'a\n***\nb')
  assert.equal(mask(JSON.stringify({ key: PEM.join('\n'), n: 1 })).text, '{"key":"***","n":1}')
  const lines = (texts: string[]) => Array.from(new Masker().maskLines(texts), ({ text }) => text)
  assert.deepEqual(lines(['a', `key: ${PEM[0]}`, ...PEM.slice(1, 3), `${PEM[3]} b`, 'c']), [
    'a',
    'key: ***',
    '***',
    '***',
    '***',
    'c'
  ])
  assert.deepEqual(lines([...PEM.slice(1), 'c']), ['***', '***', '***', 'c'], 'the log began in the middle of it')
  assert.deepEqual(lines(['a', ...PEM.slice(0, 3)]), ['a', '***', '***', '***'], 'the log ends in the middle of it')
  assert.deepEqual(
    lines([`${ESC}[1m${PEM[0]}`, `${ESC}[31mbody`, `${ESC}[1mx ${PEM[3]}`, 'c']),
    ['***', '***', '***', 'c'],
    'in colours'
  )
  assert.deepEqual(lines([`${PEM.join('')} and ${PEM[0]}`, 'body', PEM[3]!, 'c']), ['*** and ***', '***', '***', 'c'])
})

test('a line that begins a PEM block and has no end does not hide a log for ever', () => {
  const lines = [PEM[0]!, ...Array.from({ length: 1000 }, (_, n) => `line ${n}`)]
  const shown = Array.from(new Masker().maskLines(lines), ({ text }) => text)
  assert.equal(shown[200], '***')
  assert.equal(shown.at(-1), 'line 999')
})

test('what cannot be looked at is withheld', () => {
  const broken = Object.assign(Object.create(null), { length: 3 }) as string
  assert.deepEqual(new Masker().mask(broken), { text: '[line withheld]', masked: true })
  assert.deepEqual(
    [...new Masker().maskLines(['a', broken])],
    [
      { text: '[line withheld]', masked: true },
      { text: '[line withheld]', masked: true }
    ]
  )
})

test('a long text ends before what was torn', () => {
  const secret = LETTERS
  for (let at = 7000; at < 8300; at += 11) {
    const { text } = new Masker([secret]).mask(
      `${'. '.repeat(at / 2)}${encodeURIComponent(encodeURIComponent(secret))} end`,
      8192
    )
    assert.ok(!text.includes(secret.slice(0, 4)), String(at))
    assert.ok(text.length <= 8193)
  }
})

/** What the patterns and the decoders begin with, or nearly match. */
const HOSTILE =
  '://|@|token|token: |authorization: |cookie:|="|=\'|\\"|\\|\\u00|%|%25|%5c|bearer |eyJ|-|sk-|AIza|1|123456:|?|&sig=|=|secret :|api |x|*|${|-----BEGIN |-----END |SG.|canary-'
    .split('|')
    .concat([' ', '\n', `${ESC}[`, `${ESC}]`, '\u009b', '\u009d'])

test('what a text costs grows with its length and no faster, whatever it is made of', () => {
  const masker = new Masker(['canary-1', 'canary-canary-canary-2', 'aaaaaaab'])
  /** Processor time of the quickest of some attempts, in microseconds: what else the machine does is not in it. */
  const cost = (text: string): number =>
    Math.min(
      ...Array.from({ length: 3 }, () => {
        const before = process.cpuUsage()
        for (let n = 0; n < 65_536; n += text.length) masker.mask(text)
        const { user, system } = process.cpuUsage(before)
        return user + system
      })
    )
  const grown = (piece: string): void => {
    const [short, long] = [2048, 32_768].map((length) => piece.repeat(Math.ceil(length / piece.length)).slice(0, length))
    cost(short!)
    // The same number of characters in sixteen times as long a text: with a part that is quadratic it would be sixteen times as much.
    const factor = cost(long!) / cost(short!)
    assert.ok(factor < 6, `${JSON.stringify(piece)}: ${factor}`)
  }
  for (const piece of HOSTILE) grown(piece)
  const mixed = fc.array(fc.constantFrom(...HOSTILE), { minLength: 2, maxLength: 5 }).map((parts) => parts.join(''))
  fc.assert(fc.property(mixed, grown), { numRuns: 30 })
})

test('a text has few views, and none is longer than it', () => {
  const mixed = fc.array(fc.constantFrom(...HOSTILE), { maxLength: 60 }).map((parts) => parts.join(''))
  fc.assert(
    fc.property(mixed, (text) => {
      const views = viewsOf(text)
      assert.ok(views.length <= 42)
      for (const { text: seen, at } of views) {
        assert.ok(seen.length <= text.length)
        if (!at) continue
        assert.equal(at[seen.length], text.length)
        for (let index = 0; index < seen.length; index++) assert.ok(at[index]! <= at[index + 1]!)
      }
    })
  )
})
