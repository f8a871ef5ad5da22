import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { partsOf } from '../../../plugins/channels/parts.ts'

test('a text that fits is one part, and an empty one none', () => {
  assert.deepEqual(partsOf(' Hello \n', 10), ['Hello'])
  assert.deepEqual(partsOf(' \n\n ', 10), [])
})

test('a long text is cut at a paragraph, else at a line, a sentence, a word', () => {
  assert.deepEqual(partsOf('One two.\n\nThree four', 14), ['One two.', 'Three four'])
  assert.deepEqual(partsOf('One two\nthree four', 12), ['One two', 'three four'])
  assert.deepEqual(partsOf('One two. Three four', 14), ['One two.', 'Three four'])
  assert.deepEqual(partsOf('One two three four', 12), ['One two', 'three four'])
  assert.deepEqual(partsOf('abcdefgh', 3), ['abc', 'def', 'gh'])
})

test('parts fit, are not empty, tear no character and lose no text', () => {
  const words = fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(' ', '\n', '\n\n', '. ', '😀😀😀', 'word')))
  fc.assert(
    fc.property(words, fc.integer({ min: 2, max: 40 }), (pieces, limit) => {
      const text = pieces.join('')
      const parts = partsOf(text, limit)
      for (const part of parts) {
        assert.ok(part.length > 0 && part.length <= limit)
        assert.ok(part.isWellFormed())
      }
      assert.equal(parts.join('').replace(/\s/g, ''), text.replace(/\s/g, ''))
    }),
    { numRuns: 2000 }
  )
})
