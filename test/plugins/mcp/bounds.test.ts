import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { Backoff } from '../../../plugins/mcp/backoff.ts'
import { Lines } from '../../../plugins/mcp/lines.ts'
import { list } from '../../../plugins/mcp/listing.ts'
import { MAX_MESSAGE_BYTES, Meter } from '../../../plugins/mcp/meter.ts'

test('a restart is at once after one failure, later after each one that follows, and never later than five minutes', () => {
  let now = 0
  const backoff = new Backoff(() => now)
  for (const wait of [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]) {
    backoff.failed(now)
    assert.equal(backoff.waitMs, wait * 1000)
    now += backoff.waitMs
    assert.equal(backoff.waitMs, 0)
  }
  for (let n = 0; n < 2000; n++) backoff.failed(now)
  assert.equal(backoff.waitMs, 300_000)
})

test('a server that lived for a minute starts again with a clean slate', () => {
  let now = 0
  const backoff = new Backoff(() => now)
  for (let n = 0; n < 5; n++) backoff.failed()
  assert.equal(backoff.waitMs, 8000)
  now = 60_000
  backoff.failed(1)
  assert.equal(backoff.waitMs, 16_000)
  backoff.failed(0)
  assert.equal(backoff.waitMs, 0)
})

test('what a server sends is bounded by message and by window', () => {
  let now = 0
  const meter = new Meter(() => now)
  meter.bytes(MAX_MESSAGE_BYTES)
  assert.throws(() => meter.bytes(1), /^Error: it sent a message of more than 16777216 bytes$/)
  const second = new Meter(() => now)
  const message = (): void => {
    second.bytes(MAX_MESSAGE_BYTES)
    second.message(0)
  }
  for (let n = 0; n < 4; n++) message()
  assert.throws(message, /more than 67108864 bytes within 10 seconds/)
  second.message(0)
  now = 10_000
  message()
  const third = new Meter(() => now)
  for (let n = 0; n < 10_000; n++) third.message(0)
  assert.throws(() => third.message(0), /more than 10000 messages within 10 seconds/)
})

test('lines come out whole however they come in, cut where they are long', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 20 }), fc.integer({ min: 1, max: 7 }), (lines, size) => {
      const expected = lines
        .join('\n')
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== '')
      fc.pre(expected.length <= 50)
      const shown: string[] = []
      const reader = new Lines(
        (line) => shown.push(line),
        () => 0
      )
      const bytes = Buffer.from(lines.join('\n'))
      for (let at = 0; at < bytes.length; at += size) reader.add(bytes.subarray(at, at + size))
      reader.end()
      assert.deepEqual(shown, expected)
    })
  )
  const shown: string[] = []
  const reader = new Lines(
    (line) => shown.push(line),
    () => 0
  )
  for (let n = 0; n < 10; n++) reader.add(Buffer.from('x'.repeat(1000)))
  reader.end()
  assert.equal(shown[0]?.length, 2000)
})

test('of many lines some are shown, and how many are not', () => {
  let now = 0
  const shown: string[] = []
  const lines = new Lines(
    (line) => shown.push(line),
    () => now
  )
  for (let n = 0; n < 80; n++) lines.add(Buffer.from(`${n}\n`))
  assert.equal(shown.length, 50)
  now = 10_000
  lines.add(Buffer.from('later\n'))
  assert.deepEqual(shown.slice(50), ['[30 more lines are left out]', 'later'])
})

test('a schema that is too large, too deep, of no object or with reserved keys leaves out its tool', async () => {
  let deep: object = {}
  for (let n = 0; n < 70; n++) deep = { items: deep }
  const schemas: Record<string, object> = {
    good: { type: 'object' },
    large: { type: 'object', description: 'x'.repeat(65_536) },
    deep: { type: 'object', properties: { deep } },
    none: { type: 'string' },
    reserved: JSON.parse('{"type": "object", "properties": {"__proto__": {}}}')
  }
  const tools = Object.entries(schemas).map(([name, inputSchema]) => ({ name, inputSchema }))
  const good = { name: 'good', description: 'good', inputSchema: { type: 'object' }, destructive: false }
  assert.deepEqual(await list(async () => ({ tools })), {
    tools: [good],
    leftOut: ['large', 'deep', 'none', 'reserved'],
    more: false
  })
})

test('each entry of a list is checked on its own', async () => {
  const object = { type: 'object' }
  const table: [entry: unknown, tool: object | undefined][] = [
    [{ name: 'a' }, { inputSchema: object }],
    [
      { name: 'a', inputSchema: null, title: null, description: null },
      { inputSchema: object, description: 'a' }
    ],
    [{ name: 'a', inputSchema: { properties: {} } }, { inputSchema: { type: 'object', properties: {} } }],
    [{ name: 'a', inputSchema: object, outputSchema: 'odd', icons: 7 }, { inputSchema: object }],
    [{ name: 'a', description: '', title: 'A' }, { description: 'A' }],
    [{ name: 'a', description: 1 }, { description: 'a' }],
    [{ name: 'a', annotations: { destructiveHint: true } }, { destructive: true }],
    [{ name: 'a', annotations: { destructiveHint: true, readOnlyHint: true } }, { destructive: false }],
    [{ name: 'a', annotations: null }, { destructive: false }],
    [{ name: 'a', inputSchema: { type: 'array' } }, undefined],
    [{ name: 'a', inputSchema: 'object' }, undefined],
    [{ name: '' }, undefined],
    [{ inputSchema: object }, undefined],
    [null, undefined],
    ['a', undefined]
  ]
  for (const [entry, expected] of table) {
    const { tools, leftOut } = await list(async () => ({ tools: [{ name: 'before' }, entry, { name: 'after' }] }))
    const found = tools.filter(({ name }) => name !== 'before' && name !== 'after')
    assert.equal(tools.length - found.length, 2)
    assert.equal(leftOut.length, expected ? 0 : 1, JSON.stringify(entry))
    if (expected) assert.deepEqual({ ...found[0], ...expected }, found[0], JSON.stringify(entry))
  }
})

test('a list has at most 32 pages', async () => {
  const asked: (string | undefined)[] = []
  const page = (last: number) => async (cursor: string | undefined) => {
    asked.push(cursor)
    const n = Number(cursor ?? 0)
    return { tools: [{ name: `t${n}`, inputSchema: { type: 'object' } }], nextCursor: n === last ? undefined : String(n + 1) }
  }
  assert.equal((await list(page(2))).tools.length, 3)
  assert.deepEqual(asked, [undefined, '1', '2'])
  assert.deepEqual([(await list(page(-1))).tools.length, asked.length], [32, 35])
})
