import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { isPublicAddress } from '../../security/public-address.ts'

test('addresses of the public internet are public', () => {
  for (const address of ['1.1.1.1', '8.8.8.8', '93.184.216.34', '172.32.0.1', '2606:4700:4700::1111', '2a00:1450:4001::200e']) {
    assert.ok(isPublicAddress(address), address)
  }
})

test('no address of the inside is public, in whatever way it is written', () => {
  const inside = {
    loopback: ['127.0.0.1', '127.255.255.254', '::1'],
    unspecified: ['0.0.0.0', '0.1.2.3', '::'],
    private: ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', 'fc00::1', 'fd12:3456::1', 'fec0::1'],
    'link-local, where clouds keep credentials': ['169.254.169.254', 'fe80::1', 'fe80::1%eth0'],
    'shared, which is the tailnet': ['100.64.0.1', '100.127.255.255'],
    'multicast and broadcast': ['224.0.0.1', '239.255.255.255', '255.255.255.255', 'ff02::1'],
    reserved: ['192.0.0.1', '192.0.2.1', '198.18.0.1', '198.51.100.1', '203.0.113.1', '240.0.0.1', '2001:db8::1', '100::1'],
    'IPv4 inside IPv6': [
      '::ffff:127.0.0.1',
      '::ffff:7f00:1',
      '::127.0.0.1',
      '::7f00:1',
      '64:ff9b::7f00:1',
      '2002:7f00:1::',
      '2001:0:7f00:1::'
    ],
    'not an address': ['', 'localhost', '1.2.3.4.5', 'example.com']
  }
  for (const [kind, addresses] of Object.entries(inside)) {
    for (const address of addresses) assert.ok(!isPublicAddress(address), `${kind}: ${address}`)
  }
})

test('no IPv6 address outside of 2000::/3 is public', () => {
  const groups = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 })
  fc.assert(
    fc.property(groups, ([first = 0, ...rest]) => {
      fc.pre(first < 0x2000 || first > 0x3fff)
      assert.ok(!isPublicAddress([first, ...rest].map((group) => group.toString(16)).join(':')))
    })
  )
})
