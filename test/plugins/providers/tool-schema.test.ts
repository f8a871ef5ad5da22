import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { fitSchema } from '../../../plugins/providers/tool-schema.ts'
import { request } from '../../contract/provider.ts'
import { modelBehind, outcomeOf } from './wire.ts'

type Schema = Record<string, unknown>
const string = { type: 'string' }
const number = { type: 'number' }

const CASES: Readonly<Record<string, readonly [Schema, Schema]>> = {
  'an object stays as it is': [
    { type: 'object', properties: { a: string }, required: ['a'], additionalProperties: false },
    { type: 'object', properties: { a: string }, required: ['a'], additionalProperties: false }
  ],
  'nothing becomes an object': [{}, { type: 'object', properties: {} }],
  'an object without properties gets some': [{ type: 'object' }, { type: 'object', properties: {} }],
  'anyOf at the root is folded, and what every branch requires stays required': [
    {
      anyOf: [
        { type: 'object', properties: { a: string, id: string }, required: ['a', 'id'] },
        { type: 'object', properties: { b: number, id: string }, required: ['b', 'id'] }
      ]
    },
    { type: 'object', properties: { a: string, id: string, b: number }, required: ['id'] }
  ],
  'oneOf beside properties is folded into them': [
    {
      type: 'object',
      properties: { path: string },
      required: ['path'],
      oneOf: [{ required: ['a'] }, { properties: { b: number } }]
    },
    { type: 'object', properties: { path: string, b: number }, required: ['path'] }
  ],
  'allOf requires what each branch does': [
    {
      allOf: [
        { properties: { a: string }, required: ['a'] },
        { properties: { b: number }, required: ['b'] }
      ]
    },
    { type: 'object', properties: { a: string, b: number }, required: ['a', 'b'] }
  ],
  'constants of several branches become one list': [
    {
      oneOf: [{ properties: { kind: { type: 'string', const: 'x' } } }, { properties: { kind: { type: 'string', const: 'y' } } }]
    },
    { type: 'object', properties: { kind: { type: 'string', enum: ['x', 'y'] } } }
  ],
  'properties that differ between branches allow either': [
    { anyOf: [{ properties: { a: string } }, { properties: { a: number } }] },
    { type: 'object', properties: { a: { anyOf: [string, number] } } }
  ],
  'combinators below the root stay': [
    { type: 'object', properties: { a: { anyOf: [string, number] } } },
    { type: 'object', properties: { a: { anyOf: [string, number] } } }
  ],
  'a list without items allows any': [
    { type: 'object', properties: { list: { type: 'array' }, maybe: { type: ['array', 'null'] } } },
    { type: 'object', properties: { list: { type: 'array', items: {} }, maybe: { type: ['array', 'null'], items: {} } } }
  ],
  'items that are a list, a boolean or null are made a schema': [
    {
      type: 'object',
      properties: {
        a: { type: 'array', items: [string, number] },
        b: { type: 'array', items: true },
        c: { type: 'array', prefixItems: [string] },
        d: { type: 'array', items: null }
      }
    },
    {
      type: 'object',
      properties: {
        a: { type: 'array', items: { anyOf: [string, number] } },
        b: { type: 'array', items: {} },
        c: { type: 'array', items: string },
        d: { type: 'array', items: {} }
      }
    }
  ],
  'references are inlined': [
    {
      type: 'object',
      properties: { a: { $ref: '#/$defs/A', description: 'An A' }, b: { $ref: '#/definitions/B~1b' } },
      $defs: { A: string },
      definitions: { 'B/b': number },
      $schema: 'x'
    },
    { type: 'object', properties: { a: { type: 'string', description: 'An A' }, b: number } }
  ],
  'a reference at the root is inlined': [
    { $ref: '#/$defs/Args', $defs: { Args: { type: 'object', properties: { a: string } } } },
    { type: 'object', properties: { a: string } }
  ],
  'a schema that contains itself allows anything where it does': [
    {
      type: 'object',
      properties: { node: { $ref: '#/$defs/Node' } },
      $defs: { Node: { type: 'object', properties: { next: { $ref: '#/$defs/Node' } } } }
    },
    { type: 'object', properties: { node: { type: 'object', properties: { next: {} } } } }
  ],
  'a reference that leads nowhere allows anything': [
    { type: 'object', properties: { a: { $ref: 'https://example.com/a.json' }, b: { $ref: '#/$defs/gone' } } },
    { type: 'object', properties: { a: {}, b: {} } }
  ],
  'types that are none, null and draft 4 are mended': [
    {
      type: 'object',
      properties: {
        a: { type: 'any', description: null },
        b: { type: ['string', 'file'] },
        c: { type: 'integer', minimum: 0, exclusiveMinimum: true },
        d: { type: 'string', required: true }
      },
      required: true
    },
    { type: 'object', properties: { a: {}, b: string, c: { type: 'integer', exclusiveMinimum: 0 }, d: string } }
  ],
  'boolean schemas of properties': [
    { type: 'object', properties: { any: true, none: false } },
    { type: 'object', properties: { any: {} } }
  ],
  'not, if and enum at the root are left out': [
    { type: 'object', properties: { a: string }, not: { required: ['b'] }, if: {}, enum: [{}] },
    { type: 'object', properties: { a: string } }
  ],
  'an object or null is an object': [
    { type: ['object', 'null'], properties: { a: string } },
    { type: 'object', properties: { a: string } }
  ],
  'a property called like a keyword stays': [
    { type: 'object', properties: { id: string, definitions: number, $ref: string } },
    { type: 'object', properties: { id: string, definitions: number, $ref: string } }
  ]
}

for (const [what, [schema, fitted]] of Object.entries(CASES)) {
  test(`schema of a tool: ${what}`, () => assert.deepEqual(fitSchema(schema), fitted))
}

test('a tool that takes no object, or far too much, cannot be offered', () => {
  assert.equal(fitSchema({ type: 'string' }), undefined)
  assert.equal(fitSchema({ anyOf: [{ type: 'array', items: {} }, { type: 'string' }] }), undefined)
  assert.equal(fitSchema({ type: 'object', description: 'x'.repeat(70_000) }), undefined)
})

test('names of properties that a provider refuses are left out; a tool that requires one is not offered', () => {
  const name = /^[a-z]+$/
  const schema = { type: 'object', properties: { a: string, 'b c': string } }
  assert.deepEqual(fitSchema(schema, name), { type: 'object', properties: { a: string } })
  assert.equal(fitSchema({ ...schema, required: ['b c'] }, name), undefined)
})

test('any schema becomes an object without references and combinators at its root', () => {
  const leaf = fc.constantFrom<unknown>(
    string,
    number,
    true,
    false,
    null,
    { $ref: '#' },
    { $ref: '#/$defs/x' },
    { type: 'array' },
    { type: 'object' }
  )
  const { schema } = fc.letrec<{ schema: unknown }>((tie) => ({
    schema: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.record(
        {
          type: fc.constantFrom<unknown>('object', 'array', 'string', ['object', 'null'], 'any', 7),
          properties: fc.dictionary(fc.constantFrom('a', 'b', 'id'), tie('schema')),
          items: tie('schema'),
          anyOf: fc.array(tie('schema'), { maxLength: 3 }),
          allOf: fc.array(tie('schema'), { maxLength: 3 }),
          required: fc.constantFrom<unknown>(['a'], [7], true, null),
          $defs: fc.dictionary(fc.constantFrom('x'), tie('schema'))
        },
        { requiredKeys: [] }
      )
    )
  }))
  fc.assert(
    fc.property(schema, (schema) => {
      const fitted = fitSchema(schema as Schema)
      if (fitted === undefined) return
      assert.equal(fitted.type, 'object')
      for (const keyword of ['anyOf', 'oneOf', 'allOf', 'not', '$defs']) assert.ok(!(keyword in fitted))
      assert.doesNotMatch(JSON.stringify(fitted), /"\$ref":"|"type":"array"(?![^}]*"items")(?=\})/)
    })
  )
})

test('a tool that cannot be offered is named in the log once, and the others go out', async (t) => {
  const { model, server } = await modelBehind(t, 'anthropic', [])
  const tools = [
    { name: 'odd.one', description: '', inputSchema: { type: 'string' } },
    {
      name: 'files.read',
      description: ' ',
      inputSchema: { anyOf: [{ properties: { path: string } }, { properties: { url: string } }] }
    }
  ]
  const warned: Array<{ tool?: string }> = []
  const log = { warn: (fields: object) => void warned.push(fields) }
  await outcomeOf(model, request('Hello', { tools, log }))
  await outcomeOf(model, request('Hello', { tools, log }))
  assert.deepEqual(
    warned.map(({ tool }) => tool),
    ['odd.one']
  )
  assert.deepEqual(server.requests[0]?.body.tools, [
    { name: 'files_read', input_schema: { type: 'object', properties: { path: string, url: string } } }
  ])
})
