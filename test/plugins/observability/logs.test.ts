import assert from 'node:assert/strict'
import test from 'node:test'
import { Logs, MAX_READING } from '../../../plugins/observability/logs.ts'
import { ownSource, type Source } from '../../../plugins/observability/sources.ts'
import type { Outcome, Programs, RunOptions } from '../../../plugins/programs/index.ts'
import { Masker } from '../../../security/masking/masker.ts'
import { rejection } from '../../helper.ts'

const UNIT: Source = {
  ...ownSource({ kind: 'process', log: undefined, ready: true }),
  log: { in: 'journal', scope: 'system', unit: 'x.service' }
}
const EMPTY: Outcome = { code: 0, stdout: '', stderr: '', truncated: false, timedOut: false, missing: false }
const entry = (MESSAGE: unknown): string => JSON.stringify({ MESSAGE, PRIORITY: '6', __REALTIME_TIMESTAMP: '1000' })

/** Logs whose programs print what the test wants, when it wants. */
function rig(run: (options: RunOptions) => Promise<Outcome>, masker = new Masker()) {
  const programs: Pick<Programs, 'run'> = { run: (_program, _args, options = {}) => run(options) }
  return new Logs({ programs, masker: () => masker, now: () => 5000 })
}

const request = (signal = new AbortController().signal) => ({ lines: 2000, signal })

test('so many logs are read at once and no more; whoever is gone makes room', async () => {
  const logs = rig(({ signal }) => new Promise((_, reject) => signal!.addEventListener('abort', () => reject(signal!.reason))))
  const clients = Array.from({ length: MAX_READING }, () => new AbortController())
  const reads = clients.map(({ signal }) => rejection(logs.read(UNIT, request(signal))))
  const { code, data } = await rejection(logs.read(UNIT, request()))
  assert.deepEqual([code, data.retryAfterMs], [3, 1000])
  const gone = new Error('the client is gone')
  for (const client of clients) client.abort(gone)
  assert.deepEqual(await Promise.all(reads), Array(MAX_READING).fill(gone))
  const late = new AbortController()
  const read = rejection(logs.read(UNIT, request(late.signal)))
  late.abort(gone)
  assert.equal(await read, gone)
})

test('a program has a time, a size and whoever asked to answer to', async () => {
  const seen: RunOptions[] = []
  const logs = rig(async (options) => {
    seen.push(options)
    return EMPTY
  })
  const { signal } = new AbortController()
  await logs.read(UNIT, request(signal))
  assert.deepEqual(seen, [{ timeoutMs: 10_000, maxBytes: 4 * 1024 * 1024, signal }])
})

test('a line that is too long is cut, and no secret is torn by that', async () => {
  const stdout = [entry(`${'x'.repeat(8180)}canary-of-the-config`), entry('short')].join('\n')
  const { lines, truncated } = await rig(async () => ({ ...EMPTY, stdout }), new Masker(['canary-of-the-config'])).read(
    UNIT,
    request()
  )
  assert.equal(lines[0]!.text, 'short')
  assert.match(lines[1]!.text, /^x{7000,}…$/)
  assert.equal(truncated, true)
})

test('lines are masked together: a PEM block over several of them is found', async () => {
  const block = ['-----BEGIN PRIVATE KEY-----', 'MIIEvQIBADANBgkqhkiG9w0BAQEFAASC', '-----END PRIVATE KEY-----']
  // The journal comes newest first.
  const stdout = ['before', ...block, 'after'].reverse().map(entry).join('\n')
  const { lines, redacted } = await rig(async () => ({ ...EMPTY, stdout })).read(UNIT, request())
  assert.deepEqual([lines.map(({ text }) => text), redacted], [['before', '***', '***', '***', 'after'], true])
})

test('others have their turn while many lines are masked', async () => {
  const stdout = Array.from({ length: 2000 }, () => entry('token=abc %41\\n '.repeat(25))).join('\n')
  let turns = 0
  const count = (): void => {
    turns++
    next = setImmediate(count)
  }
  const logs = rig(async () => ({ ...EMPTY, stdout }))
  let next = setImmediate(count)
  await logs.read(UNIT, request())
  clearImmediate(next)
  assert.ok(turns > 5, String(turns))
})
