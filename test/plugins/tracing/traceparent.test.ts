import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { spanContextOf } from '../../../plugins/tracing/traceparent.ts'

const hex = (length: number) => fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length })
const id = (length: number) => hex(length).filter((text) => /[^0]/.test(text))

test('a traceparent of version 00 is read, with the flag for sampling and no other', () => {
  fc.assert(
    fc.property(id(32), id(16), fc.integer({ min: 0, max: 255 }), (traceId, spanId, flags) => {
      const context = spanContextOf(`00-${traceId}-${spanId}-${flags.toString(16).padStart(2, '0')}`)
      assert.deepEqual(context, { traceId, spanId, traceFlags: flags % 2, isRemote: true })
    })
  )
})

test('of a version to come the known beginning is read; ff is none, and 00 has no more', () => {
  fc.assert(
    fc.property(id(32), id(16), fc.string(), (traceId, spanId, more) => {
      const oneLine = !/[\n\r\u2028\u2029]/.test(more)
      assert.equal(spanContextOf(`cc-${traceId}-${spanId}-01-${more}`) !== undefined, oneLine)
      assert.ok(spanContextOf(`cc-${traceId}-${spanId}-01`))
      assert.equal(spanContextOf(`00-${traceId}-${spanId}-01-${more}`), undefined)
      assert.equal(spanContextOf(`ff-${traceId}-${spanId}-01`), undefined)
    })
  )
})

test('any other text is none, nothing at all included', () => {
  assert.equal(spanContextOf(undefined), undefined)
  fc.assert(fc.property(fc.string(), (text) => assert.equal(spanContextOf(text), undefined)))
  const [trace, span] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7']
  for (const text of [
    `00-${'0'.repeat(32)}-${span}-01`,
    `00-${trace}-${'0'.repeat(16)}-01`,
    `00-${trace.toUpperCase()}-${span}-01`,
    `00-${trace}-${span}-1`,
    `00-${trace}-${span}-01x`,
    ` 00-${trace}-${span}-01`,
    `00-${trace}-${span}`
  ]) {
    assert.equal(spanContextOf(text), undefined, text)
  }
})
