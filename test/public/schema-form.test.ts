import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { FrameLog, KEPT } from '../../public/pages/rpc/frame-log.ts'
import { argsOf, toolHash } from '../../public/pages/tools/link.ts'
import { draftOf, emptyDraft, type Field, fits, formOf, valueIn } from '../../public/ui/schema-form.ts'

const SCHEMA = {
  type: 'object',
  required: ['path', 'mode'],
  properties: {
    path: { type: 'string', minLength: 1, description: 'Where' },
    mode: { enum: ['read', 'write', 3], default: 'read' },
    limit: { type: 'integer', minimum: 1, maximum: 500 },
    deep: { anyOf: [{ type: 'boolean' }, { type: 'null' }], description: 'All below' },
    kinds: { type: 'array', items: { $ref: '#/$defs/kind' }, minItems: 2 },
    at: { type: 'object', required: ['lat'], properties: { lat: { type: 'number' }, lon: { type: 'number' } } },
    rest: { oneOf: [{ type: 'string' }, { type: 'number' }] }
  },
  $defs: { kind: { type: 'string', maxLength: 5 } }
}

const fieldsOf = (form: Field | undefined): readonly Field[] => (form?.kind === 'object' ? form.fields : [])

test('each property is a field of its kind', () => {
  assert.deepEqual(
    fieldsOf(formOf(SCHEMA)).map(({ name, kind, required, hint }) => [name, kind, required, hint]),
    [
      ['path', 'text', true, 'Where'],
      ['mode', 'choice', true, ''],
      ['limit', 'number', false, ''],
      ['deep', 'boolean', false, 'All below'],
      ['kinds', 'list', false, ''],
      ['at', 'object', false, ''],
      ['rest', 'json', false, '']
    ]
  )
  assert.equal(formOf(undefined), undefined)
  assert.equal(formOf({ type: 'object' }), undefined)
  assert.deepEqual(fieldsOf(formOf({ type: 'object', additionalProperties: false })), [])
  const circle = { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/a' } } }
  assert.equal(formOf(circle), undefined)
})

test('a filled form stands for its value, and names each problem at its field', () => {
  const form = formOf(SCHEMA)!
  const draft = emptyDraft(form) as Record<string, never>
  assert.deepEqual(valueIn(form, draft), { value: { mode: 'read' }, problems: [{ path: 'path', message: 'is required' }] })
  const filled = {
    ...draft,
    path: 'a',
    mode: '3',
    limit: '501',
    deep: 'false',
    kinds: ['abcdef'],
    at: { lat: '', lon: '2.5' },
    rest: '{'
  }
  assert.deepEqual(valueIn(form, filled), {
    value: { path: 'a', mode: 3, limit: 501, deep: false, kinds: ['abcdef'], at: { lon: 2.5 } },
    problems: [
      { path: 'limit', message: 'must be at most 500' },
      { path: 'kinds[0]', message: 'must have at most 5 characters' },
      { path: 'kinds', message: 'must have at least 2 entries' },
      { path: 'at.lat', message: 'is required' },
      ...valueIn(form, filled).problems.filter(({ path, message }) => path === 'rest' && message.startsWith('is not JSON'))
    ]
  })
})

test('values that a form cannot show stay JSON', () => {
  const form = formOf(SCHEMA)!
  const good = { path: 'a', mode: 'write', limit: 0, kinds: ['b'], at: { lat: 1 }, rest: { any: [1] } }
  assert.ok(fits(form, good))
  assert.deepEqual(valueIn(form, draftOf(form, good)).value, good)
  const others = [
    { extra: 1 },
    { mode: 'other' },
    { deep: 1 },
    { deep: null },
    { path: 5 },
    { limit: '5' },
    { kinds: [] },
    { at: {} },
    { rest: '' }
  ]
  assert.deepEqual(
    others.map((change) => fits(form, { ...good, ...change })),
    [false, false, false, false, false, false, false, false, true]
  )
})

test('what fits into a form comes out of it unchanged, for any schema', () => {
  const { schema } = fc.letrec((tie) => ({
    schema: fc.oneof(
      { maxDepth: 3 },
      fc.record(
        {
          type: fc.constantFrom('string', 'number', 'integer', 'boolean', 'array', 'null', ['string', 'null']),
          minLength: fc.nat(3),
          enum: fc.array(fc.jsonValue({ maxDepth: 1 }), { maxLength: 3 })
        },
        { requiredKeys: [] }
      ),
      fc.record({ type: fc.constant('array'), items: tie('schema') }),
      fc.record({
        type: fc.constant('object'),
        properties: fc.dictionary(fc.string({ maxLength: 3 }), tie('schema'), { maxKeys: 4 })
      }),
      fc.record({ anyOf: fc.array(tie('schema'), { maxLength: 3 }) }),
      fc.jsonValue({ maxDepth: 2 })
    )
  }))
  const dictionary = fc.dictionary(fc.string({ maxLength: 3 }), schema, { maxKeys: 4 })
  fc.assert(
    fc.property(dictionary, fc.jsonValue({ maxDepth: 3 }), (properties, value) => {
      const form = formOf({ type: 'object', properties })!
      valueIn(form, emptyDraft(form))
      if (fits(form, value)) assert.deepEqual(valueIn(form, draftOf(form, value)).value, value)
      // Its own answer always fits, or is refused.
      const own = valueIn(form, draftOf(form, value))
      if (own.problems.length === 0) assert.ok(fits(form, own.value))
    })
  )
})

test('arguments travel in an address while it stays short', () => {
  const hash = toolHash('file.read', { path: 'a&b' }, 'web:x')!
  assert.deepEqual(argsOf(new URLSearchParams(hash.split('?')[1]).get('args') ?? undefined), { path: 'a&b' })
  assert.equal(toolHash('file.write', { content: 'x'.repeat(5000) }, 'web:x'), undefined)
  assert.equal(toolHash('file.write', undefined, 'web:x'), undefined)
  assert.deepEqual(['[1]', '{', 'null', undefined].map(argsOf), [undefined, undefined, undefined, undefined])
})

test('a log of frames is bounded in number and size', () => {
  const log = new FrameLog()
  for (let at = 0; at < KEPT + 20; at++) log.add({ at: 1000 + at, out: false, text: '{}' }, { event: 'lane', id: null })
  log.add({ at: 2000, out: true, text: 'x'.repeat(100_000) }, { method: 'agent.send', id: 1 })
  assert.deepEqual([log.frames.length, log.total, log.frames[0]!.ms], [KEPT, KEPT + 21, 21])
  const last = log.frames.at(-1)!
  assert.deepEqual([last.title, last.out, String(last.value).length < 70_000], ['request agent.send', true, true])
  log.clear()
  assert.deepEqual([log.frames.length, log.total], [0, 0])
})
