import assert from 'node:assert/strict'
import test from 'node:test'
import { ProviderError } from '../../../plugins/providers/define.ts'
import { failureOf, retryAfter } from '../../../plugins/providers/failure.ts'

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
  const failure = failureOf(thrown, { provider: 'acme', model: 'm', secrets: ['hunter-22'], now: NOW })
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

test('what a provider of a third party says of its failure is masked as well', () => {
  const context = { provider: 'acme', model: 'm', secrets: ['hunter-22'], now: NOW }
  const thrown = new ProviderError('Acme is away', { retryable: true, retryAfterMs: 5, status: 503, detail: 'no hunter-22' })
  const { message, retryable, retryAfterMs, status, detail } = failureOf(thrown, context)
  assert.deepEqual([message, retryable, retryAfterMs, status, detail], ['Acme is away', true, 5, 503, 'no ***'])
  assert.equal(failureOf(new ProviderError('Acme is away', { retryable: false }), context).detail, 'Acme is away')
})
