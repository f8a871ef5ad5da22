import assert from 'node:assert/strict'
import test from 'node:test'
import { type LoggerOptions, pino } from 'pino'
import { maskingLog, OwnLog } from '../../../plugins/observability/own-log.ts'
import { Masker } from '../../../security/masking/masker.ts'

/** A log as the gateway writes it, and what arrived where it goes. */
function rig(options: LoggerOptions = {}) {
  const written: string[] = []
  const own = new OwnLog({ write: (line) => written.push(line) })
  return { own, written, log: pino({ level: 'debug', ...options }, own) }
}

const all = { lines: 2000, since: undefined }

test('the log goes on as it was, and its newest lines can be read', () => {
  const { own, written, log } = rig()
  log.info('first')
  log.warn({ actor: 'token:dash' }, 'second')
  log.child({ reqId: 1 }).error(new Error('third'))
  assert.equal(written.length, 3)
  const { lines, truncated } = own.read(all)
  assert.deepEqual(
    lines.map(({ level }) => level),
    ['info', 'warn', 'error']
  )
  assert.equal(lines[0]!.text, 'first')
  assert.equal(lines[1]!.text, 'second {"actor":"token:dash"}')
  assert.match(lines[2]!.text, /^third \{"reqId":1,"err":\{"type":"Error","message":"third"/)
  assert.ok(lines.every(({ ts }) => Number.isInteger(ts)))
  assert.equal(truncated, false)
  assert.deepEqual(own.read({ lines: 1, since: undefined }), { lines: lines.slice(2), truncated: true })
  assert.deepEqual(own.read({ lines: 9, since: lines[2]!.ts + 1 }).lines, [])
})

test('errors are counted', () => {
  const { own, log } = rig()
  log.warn('not one')
  log.error('one')
  log.fatal('two')
  assert.equal(own.errors, 2)
})

test('what is kept is bounded in lines and in characters', () => {
  const { own, log } = rig()
  for (let n = 0; n < 10_000; n++) log.info(`line ${n}`)
  const { lines, truncated } = own.read(all)
  assert.deepEqual([lines.length, lines.at(-1)!.text, truncated], [2000, 'line 9999', true])
  for (let n = 0; n < 3000; n++) log.error({ filler: 'x'.repeat(20_000) }, `long ${n}`)
  const long = own.read(all).lines
  assert.ok(long.length > 100 && long.length <= 2 ** 21 / 8192, String(long.length))
  assert.ok(long.every(({ level, ts, text }) => level === 'error' && ts > 0 && text.length <= 8192))
})

test('what people wrote has no secret in it by the time it is a line', () => {
  let masker = new Masker(['canary-one'])
  const { written, log } = rig(maskingLog(() => masker))
  const cause = new Error('beneath: canary-one')
  log.info('asked with canary-one')
  log.info('asked with %s', 'canary-one')
  log.error(new Error('thrown: canary-one', { cause }))
  log.error({ err: new Error('thrown: canary-one', { cause }) })
  log.error({ err: Object.assign(new Error('no password=hunter22'), { code: 'E' }) }, 'failed')
  assert.equal(written.filter((line) => /canary|hunter/.test(line)).length, 0, written.join(''))
  assert.deepEqual(
    written.map((line) => JSON.parse(line).msg),
    ['asked with ***', 'asked with ***', 'thrown: ***', 'thrown: ***', 'failed']
  )
  const { err } = JSON.parse(written[2]!)
  assert.deepEqual([err.type, err.message, err.cause.message], ['Error', 'thrown: ***', 'beneath: ***'])
  assert.match(err.stack, /^Error: thrown: \*\*\*\n {4}at /)
  assert.equal(JSON.parse(written[4]!).err.code, 'E')
  masker = new Masker(['canary-two'])
  log.info('now canary-two')
  assert.equal(JSON.parse(written.at(-1)!).msg, 'now ***')
})

test('an error that is its own cause does not end the process', () => {
  const { written, log } = rig(maskingLog(() => new Masker()))
  const error = new Error('round')
  error.cause = error
  log.error(error)
  log.error({ err: 'no error' }, 'text')
  assert.equal(written.length, 2)
})

test('fields have no secret in them either, however deep, and everything else is as it was', () => {
  const { written, log } = rig(maskingLog(() => new Masker(['canary-one'])))
  const cyclic: Record<string, unknown> = { told: 'canary-one' }
  cyclic.self = cyclic
  log.info(
    { url: new URL('https://host/path?key=x'), list: [{ deep: 'a canary-one' }], password: 'node', tokens: 250, at: null },
    'a'
  )
  log.info({ cyclic, date: new Date(0), err: { note: 'canary-one' } }, 'b %s %j', 'canary-one', { args: 'canary-one' })
  assert.ok(!written.join('').includes('canary'), written.join(''))
  const [first, second] = written.map((line) => JSON.parse(line))
  assert.deepEqual(
    [first.url, first.list, first.password, first.tokens, first.at],
    ['https://host/path?***', [{ deep: 'a ***' }], '***', 250, null]
  )
  assert.deepEqual([second.msg, second.date, second.err], ['b *** {"args":"***"}', '1970-01-01T00:00:00.000Z', { note: '***' }])
})

test('fields that have no end cost no more than some hundred values', () => {
  let masks = 0
  const { written, log } = rig(
    maskingLog(() => {
      masks++
      return new Masker()
    })
  )
  const wide: Record<string, unknown> = {}
  for (let n = 0; n < 100; n++) wide[`n${n}`] = n % 2 === 0 ? wide : 'text'
  log.info({ wide }, 'told')
  assert.ok(masks < 600, String(masks))
  assert.equal(JSON.parse(written[0]!).msg, 'told')
})
