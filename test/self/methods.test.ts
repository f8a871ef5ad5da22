import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import type { TSchema } from '@sinclair/typebox'
import { type AnyMethod, SCOPES } from '../../rpc/define.ts'
import { COMMON_ERRORS } from '../../rpc/documents/errors.ts'
import { build, connect, type Frame } from '../helper.ts'
import { FIXTURES } from '../protocol/fixtures.ts'

/** Methods that the specification names without an example. */
const WITHOUT_EXAMPLE = [
  'agent.cancel',
  'canvas.clear',
  'canvas.delete',
  'canvas.get',
  'canvas.list',
  'node.capabilities.get',
  'node.location.get',
  'system.location',
  'system.nodes'
]

async function methodsOf(t: TestContext): Promise<AnyMethod[]> {
  const { app } = await build(t)
  return app.rpc.list().sort((one, other) => (one.name < other.name ? -1 : 1))
}

test('every method has a scope of the list, and a summary that is one line without a full stop', async (t) => {
  for (const { name, scope, summary } of await methodsOf(t)) {
    assert.ok([...SCOPES, 'any'].includes(scope), name)
    assert.match(summary, /^[A-Z].*[^.\s]$/, name)
  }
})

test('an extension says so in its definition and at the end of its summary, and nothing else does', async (t) => {
  for (const { name, summary, extension = false } of await methodsOf(t))
    assert.equal(summary.endsWith(' (extension)'), extension, name)
})

test('what a method may answer beyond the errors of every method is none of those', async (t) => {
  for (const { name, errors = [] } of await methodsOf(t)) {
    assert.deepEqual(
      errors.filter((error: string) => (COMMON_ERRORS as readonly string[]).includes(error)),
      [],
      name
    )
  }
})

test('every method has a fixture of the specification, its place among those without, or is an extension', async (t) => {
  const methods = await methodsOf(t)
  const names = methods.map(({ name }) => name)
  const extensions = methods.filter(({ extension }) => extension).map(({ name }) => name)
  const fixtures = [...FIXTURES].filter(([name, { request }]) => request?.method === name).map(([name]) => name)
  assert.deepEqual(names, [...fixtures, ...WITHOUT_EXAMPLE, ...extensions].sort())
})

test('every method is in the OpenRPC document', async (t) => {
  const { url, app } = await build(t)
  const { methods } = await (await connect(t, url)).call('rpc.discover')
  assert.deepEqual(
    methods.map(({ name }: Frame) => name),
    app.rpc.list().map(({ name }) => name)
  )
})

test('params are closed: at every level but in free-form objects, what is not known is refused', async (t) => {
  for (const { name, params } of await methodsOf(t)) {
    for (const schema of objectsIn(params)) assert.equal(schema.additionalProperties, false, `${name}: ${JSON.stringify(schema)}`)
  }
})

/** The schemas of objects with named properties in a schema, itself included. */
function objectsIn(schema: TSchema): TSchema[] {
  const inside = [...Object.values(schema.properties ?? {}), ...(schema.anyOf ?? []), ...(schema.items ? [schema.items] : [])]
  return [...(schema.properties ? [schema] : []), ...(inside as TSchema[]).flatMap(objectsIn)]
}
