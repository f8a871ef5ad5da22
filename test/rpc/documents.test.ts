import assert from 'node:assert/strict'
import test from 'node:test'
import { Type } from '@sinclair/typebox'
import { plain, Schemas } from '../../rpc/documents/schemas.ts'
import { named } from '../../rpc/named.ts'

const Long = Type.Object({
  text: Type.String({ description: 'Long enough that a reference to it saves something in a document' })
})

test('what is no JSON Schema does not get into a document, at any depth; values that look like it stay', () => {
  const marked = Type.Object(
    {
      secret: Type.String({ secret: true, expected: 'a token', 'x-shown': 'yes' }),
      list: Type.Array(Type.Union([Type.Object({}, { internal: 1 }), Type.Null({ internal: 1 })])),
      open: Type.Optional(
        Type.Object({}, { additionalProperties: Type.String({ expected: 'x' }), default: { expected: 'kept' } })
      )
    },
    { expected: 'an object', handler: () => {} }
  )
  assert.deepEqual(plain(marked), {
    type: 'object',
    required: ['secret', 'list'],
    properties: {
      secret: { type: 'string', 'x-shown': 'yes' },
      list: { type: 'array', items: { anyOf: [{ type: 'object', properties: {} }, { type: 'null' }] } },
      open: { type: 'object', properties: {}, additionalProperties: { type: 'string' }, default: { expected: 'kept' } }
    }
  })
})

test('a choice of words becomes an enum, unless a word says something of itself; a map and a tuple read alike everywhere', () => {
  const words = [Type.Literal('a'), Type.Literal('b')]
  assert.deepEqual(plain(Type.Union(words, { description: 'd' })), { description: 'd', type: 'string', enum: ['a', 'b'] })
  const telling = Type.Union([Type.Literal('a', { description: 'the first' }), Type.Literal('b')])
  assert.equal('enum' in plain(telling), false)
  assert.equal('enum' in plain(Type.Union([...words, Type.Literal(1)])), false)
  assert.deepEqual(plain(Type.Record(Type.String(), Type.Integer())), {
    type: 'object',
    additionalProperties: { type: 'integer' }
  })
  const { items, ...rest } = plain(Type.Tuple([Type.String(), Type.Integer()]))
  assert.deepEqual(items, { anyOf: [{ type: 'string' }, { type: 'integer' }] })
  assert.deepEqual(rest, { type: 'array', minItems: 2, maxItems: 2 })
})

test('a named schema is written once and referred to', () => {
  const schemas = new Schemas()
  const Named = named('Long', Long)
  const used = schemas.of(Type.Object({ one: Type.Optional(Named), many: Type.Array(Named), plain: Long }))
  const reference = { $ref: '#/components/schemas/Long' }
  assert.deepEqual(used.properties, { one: reference, many: { type: 'array', items: reference }, plain: plain(Long) })
  assert.deepEqual(schemas.of(Named), reference)
  assert.deepEqual(schemas.inside(Named), plain(Long))
  assert.deepEqual(schemas.components(), { Long: plain(Long) })
})

test('a name never reaches JSON, and a variant under it is written out', () => {
  const Named = named('Long', Long)
  assert.equal(JSON.stringify(Named), JSON.stringify(Long))
  const schemas = new Schemas()
  schemas.of(Named)
  const variant = { ...Named, description: 'another' }
  assert.deepEqual(schemas.of(variant), plain(variant))
})

test('a schema with an id of its own is left as it is', () => {
  const schemas = new Schemas()
  const tree = Type.Recursive((self) => Type.Object({ long: named('Long', Long), children: Type.Array(self) }), { $id: 'Tree' })
  assert.deepEqual(schemas.of(tree), plain(tree))
  assert.deepEqual(schemas.components(), {})
})
