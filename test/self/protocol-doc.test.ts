import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import test from 'node:test'
import { Type } from '@sinclair/typebox'
import { plain } from '../../rpc/documents/schemas.ts'
import { generated } from '../../scripts/generated.ts'
import { anchor } from '../../scripts/protocol/markdown.ts'
import { members, typeOf } from '../../scripts/protocol/shapes.ts'
import { PROTOCOL_FILE } from '../../scripts/protocol/text.ts'
import { build } from '../helper.ts'

/** The file without its frames of JSON. */
async function prose(): Promise<string> {
  return (await readFile(PROTOCOL_FILE, 'utf8')).replace(/^```[\s\S]*?^```/gm, '')
}

test('every generated document matches its definitions', async () => {
  for (const { file, text } of await generated()) {
    assert.ok(text === (await readFile(file, 'utf8')), `${file.pathname} is stale: run \`npm run docs\``)
  }
})

test('no two headings of docs/protocol.md share an anchor, and every link in it leads to one', async () => {
  const text = await prose()
  const anchors = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchor(heading!))
  assert.deepEqual(
    anchors.filter((one, index) => anchors.indexOf(one) !== index),
    []
  )
  const links = [...text.matchAll(/\]\(#([^)]+)\)/g)].map(([, target]) => target!)
  assert.ok(links.length > 100)
  assert.deepEqual(
    links.filter((target) => !anchors.includes(target)),
    []
  )
})

test('docs/protocol.md has a chapter for every method and every event, and marks extensions', async (t) => {
  const { app } = await build(t)
  const text = await prose()
  for (const { name, extension, events = {} } of app.rpc.list()) {
    const [, chapter = ''] = text.split(`\n### ${name}\n`)
    const [intro] = chapter.trim().split('\n')
    assert.equal(intro?.endsWith('An extension.') ?? false, extension === true, name)
    for (const event of Object.keys(events)) assert.ok(text.includes(`\n### Event ${event}\n`), event)
  }
  assert.doesNotMatch(text, /undefined|\[object|NaN/)
})

test('a shape is told in words: types, ranges, defaults, and what is inside', () => {
  const schema = Type.Object({
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 50, description: 'At a time' })),
    mode: Type.Union([Type.Literal('a'), Type.Literal('b'), Type.Literal('c')]),
    note: Type.Union([Type.String({ maxLength: 9 }), Type.Null()]),
    words: Type.Record(Type.String(), Type.String()),
    list: Type.Array(Type.Object({ id: Type.String({ minLength: 2, maxLength: 2, description: 'a|b' }) }), { maxItems: 3 }),
    any: Type.Unknown()
  })
  assert.equal(
    members(plain(schema)),
    [
      '| name | type | required | range | what it is |',
      '|---|---|---|---|---|',
      '| `limit` | integer |  | 1 to 500, default `50` | At a time |',
      '| `mode` | `a`, `b` or `c` | yes |  |  |',
      '| `note` | string or null | yes |  |  |',
      '| `words` | object of string | yes |  |  |',
      '| `list` | array of object | yes | at most 3 items |  |',
      '| `list[].id` | string | yes | 2 characters | a\\|b |',
      '| `any` | any JSON | yes |  |  |'
    ].join('\n')
  )
  assert.equal(typeOf({ $ref: '#/components/schemas/Policy' }), '[Policy](#policy)')
})
