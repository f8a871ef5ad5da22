import assert from 'node:assert/strict'
import test from 'node:test'
import { type TSchema, Type } from '@sinclair/typebox'
import fc from 'fast-check'
import { compile } from '../../rpc/validate.ts'

const Params = Type.Object(
  {
    limit: Type.Integer({ minimum: 1, maximum: 500, default: 50 }),
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 3 })),
    mode: Type.Optional(Type.Union([Type.Literal('fast'), Type.Literal('slow')])),
    items: Type.Optional(
      Type.Array(Type.Object({ x: Type.Number({ minimum: 0 }) }, { additionalProperties: false }), { maxItems: 2 })
    )
  },
  { additionalProperties: false }
)

function issues(value: unknown, schema: TSchema = Params): string[] {
  const checked = compile(schema)(value)
  return 'issues' in checked ? checked.issues.map(({ path, message }) => `${path} ${message}`) : []
}

test('a problem is told with its path and with what is expected', () => {
  assert.deepEqual(issues({ limit: 501 }), ['params.limit must be an integer between 1 and 500, got 501'])
  assert.deepEqual(issues({ limit: '5' }), ['params.limit must be an integer between 1 and 500, got "5"'])
  assert.deepEqual(issues({ limit: 1, name: '' }), ['params.name must be a string of 1 to 3 characters, got ""'])
  assert.deepEqual(issues({ limit: 1, mode: 'medium' }), ['params.mode must be one of "fast", "slow", got "medium"'])
  assert.deepEqual(issues({ limit: 1, items: [{ x: 1 }, { x: -1 }] }), ['params.items[1].x must be a number at least 0, got -1'])
  assert.deepEqual(issues({ limit: 1, items: [{}] }), ['params.items[0].x is required and must be a number at least 0'])
  assert.deepEqual(issues([]), ['params must be an object, got an array of 0'])
})

test('an unknown param is refused with those that are known', () => {
  assert.deepEqual(issues({ limit: 1, limt: 3 }), ['params.limt is not known; known here: limit, name, mode, items'])
  assert.deepEqual(issues({ a: 1 }, Type.Object({}, { additionalProperties: false })), [
    'params.a is not known; nothing is expected here'
  ])
})

test('all problems are told, but no endless list', () => {
  assert.equal(issues({ limit: 0, name: 'long', mode: 1 }).length, 3)
  assert.equal(issues(Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`k${n}`, n]))).length, 20)
})

test('a long value is described, not echoed', () => {
  const [issue] = issues({ limit: 'x'.repeat(10_000) })
  assert.equal(issue, 'params.limit must be an integer between 1 and 500, got a string of 10000 characters')
})

test('a schema may say better itself what it expects', () => {
  const Id = Type.Object({ id: Type.String({ pattern: '^a$', expected: 'the letter a' }) })
  assert.deepEqual(issues({ id: 'b' }, Id), ['params.id must be the letter a, got "b"'])
})

test('defaults are filled, nothing is coerced', () => {
  assert.deepEqual(compile(Params)({}), { value: { limit: 50 } })
  assert.ok('issues' in compile(Params)({ limit: true }))
})

test('whatever comes in is either accepted as it is or refused with at least one issue', () => {
  const check = compile(Params)
  fc.assert(
    fc.property(fc.anything(), (value) => {
      const checked = check(value)
      if ('issues' in checked)
        assert.ok(checked.issues.length > 0 && checked.issues.every(({ path }) => path.startsWith('params')))
      else assert.ok(typeof checked.value === 'object')
    })
  )
})

test('a list in the place of params is refused, whatever the names of the params are', () => {
  const order = Type.Union([Type.Literal('asc'), Type.Literal('desc')], { default: 'asc' })
  const schema = Type.Object({ sort: Type.Optional(order), limit: Type.Integer({ default: 1 }) })
  assert.equal(issues([], schema).length > 0, true)
})
