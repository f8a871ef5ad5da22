import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { choices, type Place, SHOWN } from '../../public/app/places.ts'
import { hashOf, parseHash } from '../../public/app/route.ts'
import { fieldOf, parseFilter } from '../../public/ui/filter.ts'
import { ago, duration, revealed } from '../../public/ui/format.ts'

const text = fc.string({ unit: 'grapheme', minLength: 1 })

test('every place has an address that leads back to it', () => {
  fc.assert(
    fc.property(fc.array(text), fc.dictionary(text, text), (path, query) => {
      const found = parseHash(hashOf(path, query))
      assert.deepEqual(found.path, path)
      assert.deepEqual(found.query, new Map(Object.entries(query)))
    })
  )
})

test('an address that a person mistyped is a place and no error', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (hash) => void parseHash(hash)))
  assert.deepEqual(parseHash('#/sessions/100%').path, ['sessions', '100%'])
})

test('a filter has fields, exclusions and words', () => {
  const filter = parseFilter('frontend:telegram -status:idle user:"ops team" nightly backup')
  assert.equal(filter.text, 'nightly backup')
  assert.deepEqual(
    filter.fields.map(({ name, value, not }) => [name, value, not]),
    [
      ['frontend', 'telegram', false],
      ['status', 'idle', true],
      ['user', 'ops team', false]
    ]
  )
  assert.deepEqual([fieldOf(filter, 'frontend'), fieldOf(filter, 'status')], ['telegram', undefined])
  fc.assert(fc.property(fc.string(), (text) => void parseFilter(text)))
})

test('hidden characters are spelled out, times and durations are words', () => {
  assert.equal(revealed('a\u202Egnp.exe\u200b'), 'a⟨202e⟩gnp.exe⟨200b⟩')
  assert.equal(revealed('line\nline\tمرحبا'), 'line\nline\tمرحبا')
  assert.deepEqual(
    [ago(1000, 2000), duration(40), duration(3200), duration(185_000), duration(7_500_000)],
    ['now', '40 ms', '3.2 s', '3 min 5 s', '2 h 5 min']
  )
})

test('the palette finds places by their words, best first', () => {
  const place = (kind: Place['kind'], title: string, hint?: string): Place => ({
    kind,
    title,
    act: () => {},
    ...(hint ? { hint } : {})
  })
  const places = [
    place('page', 'Lanes'),
    place('action', 'Pause web:alice', 'lane'),
    place('session', 'Nightly backup', 'web:alice'),
    place('method', 'queue.pause'),
    place('message', 'found elsewhere', 'web:bob'),
    ...Array.from({ length: 20 }, (_, at) => place('tool', `tool.${at}`))
  ]
  const titles = (text: string) => choices(places, text).map(({ title }) => title)
  assert.deepEqual(titles(' '), ['Lanes', 'Pause web:alice'])
  assert.deepEqual(titles('LANE'), ['Lanes', 'Pause web:alice', 'found elsewhere'])
  assert.deepEqual(titles('pause'), ['Pause web:alice', 'queue.pause', 'found elsewhere'])
  assert.deepEqual(titles('session alice'), ['Nightly backup', 'found elsewhere'])
  assert.deepEqual(titles('tool'), [...places.slice(5, 5 + SHOWN).map(({ title }) => title), 'found elsewhere'])
})
