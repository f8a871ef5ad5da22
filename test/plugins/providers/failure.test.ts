import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { failureOf, retryAfter } from '../../../plugins/providers/failure.ts'
import { mask } from '../../../plugins/providers/mask.ts'

const NOW = Date.UTC(2026, 0, 1)

for (const [headers, expected] of [
  [{ 'retry-after': '20' }, 20_000],
  [{ 'retry-after': '0' }, 0],
  [{ 'retry-after': '1.5' }, 1500],
  [{ 'retry-after': 'Thu, 01 Jan 2026 00:01:00 GMT' }, 60_000],
  [{ 'retry-after': 'Wed, 31 Dec 2025 23:59:00 GMT' }, 0],
  [{ 'retry-after': 'soon' }, undefined],
  [{ 'retry-after': '-5' }, undefined],
  [{ 'retry-after': '' }, undefined],
  [{ 'retry-after-ms': '250', 'retry-after': '1' }, 250],
  [{ 'retry-after-ms': 'x', 'retry-after': '1' }, 1000],
  [{}, undefined]
] as const) {
  test(`retry-after: ${JSON.stringify(headers)} means ${expected} ms`, () => {
    assert.equal(retryAfter(headers as Record<string, string>, NOW), expected)
  })
}

test('a failure tells nothing of an unknown error but its masked words, and those only to the log', () => {
  const thrown = Object.assign(new Error('password=hunter2 at /srv/gateway/x.ts'), { requestBodyValues: { secret: 'hunter2' } })
  const failure = failureOf(thrown, { provider: 'acme', model: 'm', secrets: ['hunter2'], now: NOW })
  assert.equal(failure.message, 'The model provider acme failed')
  assert.equal(failure.retryable, false)
  assert.equal(failure.detail, 'Error: password=*** at /srv/gateway/x.ts')
  assert.doesNotMatch(JSON.stringify(failure), /hunter2/)
})

test('anything can be thrown', () => {
  for (const thrown of [undefined, null, 'broken', 7, {}, Object.create(null)]) {
    assert.equal(
      failureOf(thrown, { provider: 'acme', model: 'm', secrets: [], now: NOW }).message,
      'The model provider acme failed'
    )
  }
})

for (const [text, expected] of [
  ['see https://me:pw@host/v1', 'see https://***@host/v1'],
  ['GET http://host/v1?key=abc failed', 'GET http://host/v1?*** failed'],
  ['Authorization: Bearer abc.def', 'Authorization: Bearer ***'],
  [`Incorrect API key: ${['sk', 'proj', 'ab***yz'].join('-')}.`, 'Incorrect API key: ***'],
  ['one\r\ntwo\u001b[31m', 'one two [31m'],
  ['plain words stay', 'plain words stay']
] as const) {
  test(`the log gets ${JSON.stringify(expected)}`, () => {
    assert.equal(mask(text, []), expected)
  })
}

test('no form of a configured key survives, wherever it stands', () => {
  const anything = fc.string({ unit: 'grapheme', maxLength: 400 })
  const secret = fc.string({ unit: 'grapheme', minLength: 8, maxLength: 60 }).filter((text) => text.trim().length > 7)
  fc.assert(
    fc.property(anything, secret, anything, (before, secret, after) => {
      for (const form of [
        secret,
        encodeURIComponent(secret),
        JSON.stringify(secret).slice(1, -1),
        Buffer.from(secret).toString('base64')
      ]) {
        assert.ok(!mask(`${before}${form}${after}`, [secret]).includes(form))
      }
    })
  )
})

test('what is masked is short', () => {
  assert.ok(mask('x y '.repeat(1_000_000), []).length <= 301)
})
