import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { QueuePolicy } from '../../../lanes/message.ts'
import { parseSettings, written } from '../../../plugins/commands/settings.ts'
import { OVERFLOWS, QUEUE_MODES } from '../../../rpc/schemas/queue.ts'

const fields: fc.Arbitrary<Partial<QueuePolicy>> = fc.record(
  {
    mode: fc.constantFrom(...QUEUE_MODES),
    cap: fc.integer({ min: 1, max: 1000 }),
    overflow: fc.constantFrom(...OVERFLOWS),
    debounceMs: fc.integer({ min: 0, max: 60_000 }),
    summarizeOverflow: fc.boolean()
  },
  { requiredKeys: [], noNullPrototype: true }
)

test('whatever can be set reads back as it was written, in any order, spacing and case', () => {
  fc.assert(
    fc.property(
      fields.filter((some) => Object.keys(some).length > 0),
      fc.infiniteStream(fc.tuple(fc.nat(), fc.constantFrom(' ', '  ', '\n', '\t'), fc.boolean())),
      (some, noise) => {
        const parts = written(some)
          .map(({ text }) => ({ text, noise: noise.next().value as [number, string, boolean] }))
          .sort((one, other) => one.noise[0] - other.noise[0])
        const text = parts.map(({ text, noise: [, space, loud] }) => space + (loud ? text.toUpperCase() : text)).join(' ')
        assert.deepEqual(parseSettings(text), { fields: some })
      }
    )
  )
})

test('no text makes the parser fail, and what it accepts is a policy that it writes the same', () => {
  const words = ['mode', 'cap', 'overflow', 'debounce', 'summarize', 'constructor', '__proto__', '=', '1', '1e3', 'on', 'steer']
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc
      .array(fc.oneof(fc.constantFrom(...words, ' '), fc.string({ maxLength: 3 })), { maxLength: 12 })
      .map((parts) => parts.join(''))
  )
  fc.assert(
    fc.property(text, (text) => {
      const parsed = parseSettings(text)
      if ('problem' in parsed) {
        assert.match(parsed.problem, /\S/)
        assert.ok(parsed.problem.length < 400, 'what was written is cut')
      } else {
        const again = written(parsed.fields).map(({ text }) => text)
        assert.deepEqual(parseSettings(again.join(' ')), parsed)
      }
    }),
    { numRuns: 500 }
  )
})

test('a time is in milliseconds or seconds', () => {
  for (const [text, debounceMs] of [
    ['500ms', 500],
    ['500', 500],
    ['2s', 2000],
    ['0', 0],
    ['60s', 60_000],
    ['60000', 60_000]
  ] as const) {
    assert.deepEqual(parseSettings(`debounce=${text}`), { fields: { debounceMs } })
  }
})

test('what is wrong is said with what is expected, and makes all of it wrong', () => {
  const wrong: [string, RegExp][] = [
    ['', /^Nothing to set\. Settings: mode=… cap=… overflow=… debounce=… summarize=…$/],
    ['mode=colect', /^"mode=colect" is not valid: mode must be one of collect, followup, steer, steer_backlog, interrupt\.$/],
    ['cap=8 mode=later', /^"mode=later" is not valid/],
    ['cap=0', /cap must be a whole number from 1 to 1000\.$/],
    ['cap=1001', /cap must be/],
    ['cap=8.5', /cap must be/],
    ['cap=-1', /cap must be/],
    ['cap=', /cap must be/],
    ['cap', /^cap needs a value: cap=…, a whole number from 1 to 1000\.$/],
    ['overflow=drop', /overflow must be one of drop_old, drop_new\.$/],
    ['debounce=61s', /debounce must be a time from 0 to 60s, such as 500ms or 2s\.$/],
    ['debounce=60001', /debounce must be/],
    ['debounce=1m', /debounce must be/],
    ['debounce=s', /debounce must be/],
    ['debounce=1.5s', /debounce must be/],
    ['summarize=yes', /summarize must be on or off\.$/],
    ['mode=steer mode=collect', /^mode is set twice\.$/],
    ['cap = 8', /^cap needs a value/],
    ['debounceMs=5', /^"debounceMs=5" is not a setting\. Settings: /],
    ['constructor=1', /^"constructor=1" is not a setting/],
    ['=8', /^"=8" is not a setting/],
    [`x${'y'.repeat(5000)}`, /^"xy{39}…" is not a setting/]
  ]
  for (const [text, expected] of wrong) {
    const parsed = parseSettings(text)
    assert.ok('problem' in parsed, text)
    assert.match(parsed.problem, expected)
  }
})
