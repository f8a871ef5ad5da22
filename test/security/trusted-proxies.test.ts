import assert from 'node:assert/strict'
import type { IncomingHttpHeaders } from 'node:http'
import test from 'node:test'
import fc from 'fast-check'
import { normalizeForwarded, trustOf } from '../../security/trusted-proxies.ts'

test('addresses, networks, loopback and hops are trusted, others are not', () => {
  for (const [entries, address, hop, expected] of [
    [[], '127.0.0.1', 0, false],
    [['loopback'], '127.0.0.1', 0, true],
    [['loopback'], '::ffff:127.0.0.1', 0, true],
    [['loopback'], '192.0.2.1', 0, false],
    [['10.0.0.0/8'], '10.1.2.3', 0, true],
    [['10.0.0.0/8'], '::ffff:10.1.2.3', 0, true],
    [['10.0.0.0/8'], '11.1.2.3', 0, false],
    [['10.0.0.0/8'], 'unknown', 0, false],
    [['192.0.2.7'], '192.0.2.7', 3, true],
    [['2001:db8::/32'], '2001:db8::1', 0, true],
    [['2001:db8::1'], '2001:db8::2', 0, false],
    [['1'], '192.0.2.1', 0, true],
    [['1'], '192.0.2.1', 1, false]
  ] as const)
    assert.equal(trustOf(entries)(address, hop), expected, `${entries} ${address} ${hop}`)
})

const FOR = 'x-forwarded-for'

test('headers of proxies are brought into one form', () => {
  for (const [headers, expected] of [
    [{ [FOR]: '192.0.2.1:4711, [2001:db8::1]:80' }, { [FOR]: '192.0.2.1, 2001:db8::1' }],
    [
      { forwarded: 'for=192.0.2.60;proto=https;host=flynn.example.com' },
      { [FOR]: '192.0.2.60', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'flynn.example.com' }
    ],
    [{ forwarded: 'For="[2001:db8::17]:4711", for=192.0.2.2' }, { [FOR]: '2001:db8::17, 192.0.2.2' }],
    [{ forwarded: 'for=192.0.2.2', [FOR]: '192.0.2.2' }, { [FOR]: '192.0.2.2' }],
    // The client sent one of the two.
    [{ forwarded: 'for=203.0.113.9', [FOR]: '192.0.2.2', 'x-forwarded-host': 'evil' }, {}],
    [{ forwarded: 'nonsense here' }, {}]
  ] as const) {
    const given: IncomingHttpHeaders = { ...headers }
    normalizeForwarded(given)
    const { forwarded: _, ...rest } = given
    assert.deepEqual(rest, expected)
  }
})

test('no header makes it fail or hang', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 300 }), fc.string({ maxLength: 300 }), (forwarded, list) => {
      normalizeForwarded({ forwarded, [FOR]: list })
    }),
    { numRuns: 300, seed: 20261130 }
  )
  normalizeForwarded({ forwarded: `for=${'"'.repeat(4000)}` })
})
