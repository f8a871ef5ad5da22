import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { RpcError } from '../../rpc/errors.ts'
import { MAX_DEPTH, MAX_VALUES, parseJson } from '../../rpc/json.ts'

const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels)

function refusal(text: string): RpcError {
  try {
    parseJson(text)
  } catch (error) {
    assert.ok(error instanceof RpcError)
    return error
  }
  return assert.fail(`accepted: ${text.slice(0, 80)}`)
}

test('JSON that holds nothing suspicious is parsed as JSON.parse does', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 10 }), (text) => {
      fc.pre(!/__proto__|constructor|prototype/.test(text))
      assert.deepEqual(parseJson(text), JSON.parse(text))
    })
  )
})

test('what is not JSON is a parse error', () => {
  for (const text of ['', '{', '{"id":1,}', 'undefined', '\u0000']) assert.equal(refusal(text).code, -1)
})

test('64 levels are parsed, 65 are not, in arrays and in objects', () => {
  assert.ok(parseJson(nested(MAX_DEPTH)))
  assert.equal(refusal(nested(MAX_DEPTH + 1)).code, -1)
  const objects = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`
  assert.ok(parseJson(objects(MAX_DEPTH)))
  assert.equal(refusal(objects(MAX_DEPTH + 1)).code, -1)
})

test('a hundred thousand levels neither pass nor exhaust the stack', () => {
  assert.equal(refusal(nested(100_000)).code, -1)
})

test('brackets inside strings and a long flat array are not depth', () => {
  assert.ok(parseJson(JSON.stringify({ text: '[{'.repeat(1000) })))
  assert.ok(parseJson(JSON.stringify(Array.from({ length: 1000 }, () => ({ a: [] })))))
})

test('reserved keys are refused at any depth and however they are escaped', () => {
  const escaped = String.raw`{"a":[{"\u005f_proto__":1}]}`
  for (const text of ['{"__proto__":{}}', '{"a":{"constructor":1}}', '[{"prototype":null}]', escaped]) {
    assert.equal(refusal(text).code, -2)
  }
})

test('the reserved words are welcome in texts', () => {
  assert.deepEqual(parseJson('{"message":"what is a constructor, and __proto__?"}'), {
    message: 'what is a constructor, and __proto__?'
  })
})

test('values are counted outside strings only', () => {
  const commas = ','.repeat(MAX_VALUES * 2)
  assert.deepEqual(parseJson(JSON.stringify({ text: `${commas}"\\${commas}` })), { text: `${commas}"\\${commas}` })
  const list = (count: number): string => `[${Array(count).fill('"a,\\""').join(',')}]`
  assert.equal((parseJson(list(MAX_VALUES)) as unknown[]).length, MAX_VALUES)
  assert.throws(() => parseJson(list(MAX_VALUES + 1)), /more than 100000 values/)
})
