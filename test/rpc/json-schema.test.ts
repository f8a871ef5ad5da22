import assert from 'node:assert/strict'
import test from 'node:test'
import { checkOf, schemaEngine } from '../../rpc/json-schema.ts'

const engine = await schemaEngine()
const check = (schema: object) => checkOf({ type: 'object', ...schema }, engine)

test('a problem has its path below args', () => {
  const point = { type: 'object', required: ['x'], properties: { x: { type: 'number' } }, additionalProperties: false }
  const issues = check({ properties: { points: { type: 'array', items: point }, mode: { enum: ['a', 'b'] } } })
  assert.deepEqual(issues({ points: [{ x: 1 }, { x: 'two' }] }), [{ path: 'args.points[1].x', message: 'must be number' }])
  assert.deepEqual(issues({ points: [{}] }), [{ path: 'args.points[0].x', message: 'is required' }])
  assert.deepEqual(issues({ points: [{ x: 1, y: 1 }] }), [{ path: 'args.points[0].y', message: 'is unknown' }])
  assert.deepEqual(issues({ mode: 'c' }), [{ path: 'args.mode', message: 'must be one of "a", "b"' }])
  assert.deepEqual(issues([]), [{ path: 'args', message: 'must be an object' }])
})

test('two tools may have schemas of the same id, and of any dialect', () => {
  const schema = (type: string) => ({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'urn:same',
    type: 'object',
    properties: { a: { type } }
  })
  assert.equal(checkOf(schema('string'), engine)({ a: 1 }).length, 1)
  assert.equal(checkOf(schema('number'), engine)({ a: 1 }).length, 0)
})

test('a pattern that takes for ever is left to the owner', () => {
  assert.deepEqual(check({ properties: { a: { type: 'string', pattern: '^(a+)+$' } } })({ a: `${'a'.repeat(50)}!` }), [])
})

test('twenty references are followed; more, which may multiply with each level, are left to the owner', () => {
  const fields = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`f${n}`, { $ref: '#/$defs/text' }]))
  const issues = (count: number) => check({ $defs: { text: { type: 'string' } }, properties: fields(count) })({ f0: 1 })
  assert.deepEqual(issues(20), [{ path: 'args.f0', message: 'must be string' }])
  assert.deepEqual(issues(21), [])
})

test('a schema that cannot be compiled, or refers to itself without end, is left to the owner', () => {
  assert.deepEqual(check({ properties: 7 })({ a: 1 }), [])
  assert.deepEqual(check({ $ref: 'https://example.com/elsewhere' })({ a: 1 }), [])
  assert.deepEqual(check({ $defs: { a: { $ref: '#/$defs/a' } }, allOf: [{ $ref: '#/$defs/a' }] })({}), [])
})
