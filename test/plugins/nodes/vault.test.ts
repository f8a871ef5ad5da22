import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import test from 'node:test'
import fc from 'fast-check'
import { Vault } from '../../../plugins/nodes/vault.ts'

const key = (): string => randomBytes(32).toString('base64')

test('a sealed text opens with the same key and place alone', () => {
  const mine = key()
  const [vault, again, other, none] = [new Vault(mine), new Vault(mine), new Vault(key()), new Vault()]
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (text, place) => {
      const sealed = vault.seal(text, place)
      assert.equal(again.open(sealed, place), text)
      assert.equal(again.open(sealed, `${place}x`), undefined)
      assert.equal(other.open(sealed, place), undefined)
      assert.equal(none.open(sealed, place), undefined)
      if (text.length > 3) assert.ok(!sealed.includes(text))
      assert.notEqual(vault.seal(text, place), sealed)
    })
  )
})

test('a sealed text that was changed or cut anywhere cannot be read', () => {
  const vault = new Vault(key())
  const sealed = vault.seal('a token of thirty-two characters', 'here')
  const [head, body] = [sealed.slice(0, sealed.indexOf(':') + 1), sealed.slice(sealed.indexOf(':') + 1)]
  const bytes = Buffer.from(body, 'base64')
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes)
    changed[at]! ^= 1
    assert.equal(vault.open(head + changed.toString('base64'), 'here'), undefined, `byte ${at}`)
    assert.equal(vault.open(head + bytes.subarray(0, at).toString('base64'), 'here'), undefined, `cut at ${at}`)
  }
  assert.equal(vault.open(body, 'here'), undefined)
  assert.equal(vault.open('', 'here'), undefined)
})

test('without a key a text stays plain, and a later key notices it', () => {
  const [none, vault] = [new Vault(), new Vault(key())]
  const stored = none.seal('token', 'here')
  assert.equal(none.open(stored, 'here'), 'token')
  assert.equal(none.exposes(stored), false)
  assert.equal(vault.open(stored, 'here'), 'token')
  assert.equal(vault.exposes(stored), true)
  assert.equal(vault.exposes(vault.seal('token', 'here')), false)
})
