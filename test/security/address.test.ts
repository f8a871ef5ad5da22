import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { bucketOf, isLoopback } from '../../security/address.ts'

test('an IPv4 address and its IPv4-mapped IPv6 form share a bucket', () => {
  fc.assert(
    fc.property(fc.ipV4(), (address) => {
      assert.equal(bucketOf(`::ffff:${address}`), bucketOf(address))
      assert.notEqual(bucketOf(address), undefined)
    })
  )
})

test('IPv6 addresses share a bucket exactly when their /64 is the same', () => {
  const group = fc.integer({ min: 1, max: 0xffff }).map((part) => part.toString(16))
  const network = fc.array(group, { minLength: 4, maxLength: 4 }).map((parts) => ['2001', ...parts.slice(1)].join(':'))
  fc.assert(
    fc.property(network, network, group, group, (a, b, x, y) => {
      assert.equal(bucketOf(`${a}::${x}`), bucketOf(`${a}:${y}::`))
      assert.equal(bucketOf(`${a}::${x}`) === bucketOf(`${b}::${x}`), a === b)
    })
  )
})

test('all of loopback is one bucket, whichever family and whichever of its addresses', () => {
  for (const address of ['127.0.0.1', '127.45.6.7', '::1', '::ffff:127.0.0.1', '0:0:0:0:0:0:0:1']) {
    assert.equal(bucketOf(address), 'loopback')
    assert.equal(isLoopback(address), true, address)
  }
})

test('what is not this machine is not loopback, and what is no address has no bucket', () => {
  for (const address of ['128.0.0.1', '10.0.0.1', '::2', '::ffff:10.0.0.1', '0.0.0.0', '', 'localhost', undefined]) {
    assert.equal(isLoopback(address), false, String(address))
  }
  for (const address of [undefined, '', 'unknown', 'evil.example', '1.2.3.4:5678']) assert.equal(bucketOf(address), undefined)
})
