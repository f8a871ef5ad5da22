import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { containerArgs, parseContainer } from '../../../plugins/observability/containers.ts'
import { journalArgs, parseJournal } from '../../../plugins/observability/journal.ts'
import { levelIn } from '../../../plugins/observability/levels.ts'
import type { Outcome } from '../../../plugins/programs/index.ts'

const outcome = (more: Partial<Outcome> = {}): Outcome => ({
  code: 0,
  stdout: '',
  stderr: '',
  truncated: false,
  timedOut: false,
  missing: false,
  ...more
})
const query = { lines: 3, since: undefined }

/** As journald prints it: every value is a string, times are microseconds. */
function entry(ms: number, MESSAGE: unknown, PRIORITY = '6'): string {
  return JSON.stringify({ _BOOT_ID: 'b', PRIORITY, MESSAGE, __REALTIME_TIMESTAMP: `${ms}311`, __CURSOR: 'c' })
}

test('the journal is asked for one line more than wanted, newest first, of one unit', () => {
  assert.deepEqual(journalArgs('user', 'ollama.service', { lines: 200, since: 1_795_330_799_887 }).slice(5), [
    '--reverse',
    '--lines=201',
    '--since=@1795330799',
    '--user-unit=ollama.service'
  ])
  assert.deepEqual(journalArgs('system', 'x.service', query).slice(5), ['--reverse', '--lines=4', '--unit=x.service'])
})

test('of the journal every form of a message is read, and what has none is left out', () => {
  const bytes = [...Buffer.from('\u001b[33mwarm\u001b[0m ü')]
  const stdout = [
    entry(5, 'last', '3'),
    entry(4, null),
    entry(3, bytes, '4'),
    'torn {',
    entry(2, ['twice', 'the field'], '7'),
    entry(1, 'level=warn msg=x')
  ].join('\n')
  const { lines, truncated, problem } = parseJournal(outcome({ stdout }), { lines: 10, since: undefined })
  assert.deepEqual(lines, [
    { ts: 1, level: 'warn', text: 'level=warn msg=x' },
    { ts: 2, level: 'debug', text: 'twice\nthe field' },
    { ts: 3, level: 'warn', text: '\u001b[33mwarm\u001b[0m ü' },
    { ts: 5, level: 'error', text: 'last' }
  ])
  assert.deepEqual([truncated, problem], [false, undefined])
})

test('the newest lines stay, and it is told that there are more', () => {
  const stdout = [4, 3, 2, 1].map((ms) => entry(ms, `line ${ms}`)).join('\n')
  const { lines, truncated } = parseJournal(outcome({ stdout }), query)
  assert.deepEqual([lines.map(({ ts }) => ts), truncated], [[2, 3, 4], true])
  assert.equal(parseJournal(outcome({ stdout: entry(1, 'x'), truncated: true, code: null }), query).truncated, true)
})

test('why a log cannot be read is told in words for people', () => {
  const journal = (more: Partial<Outcome>) => parseJournal(outcome(more), query).problem
  assert.match(journal({ missing: true, code: null })!, /no journal/)
  assert.match(journal({ timedOut: true, code: null })!, /did not answer/)
  const denied = 'No journal files were opened due to insufficient permissions.'
  assert.match(journal({ code: 1, stderr: denied })!, /group systemd-journal/)
  assert.match(journal({ code: 1, stderr: 'No journal files were found.' })!, /no journal/)
  assert.match(journal({ code: 3, stderr: 'secret' })!, /^journalctl failed with exit code 3$/)
  const docker = (more: Partial<Outcome>) => parseContainer(outcome(more), query)
  assert.match(docker({ missing: true, code: null }).problem!, /not installed/)
  assert.match(docker({ timedOut: true, code: null }).problem!, /did not answer/)
  assert.match(docker({ code: 1, stderr: 'Error response from daemon: No such container: x' }).problem!, /no container/)
  assert.match(docker({ code: 1, stderr: 'permission denied while trying' }).problem!, /permission/)
  assert.match(docker({ code: 1, stderr: 'Cannot connect to the Docker daemon at unix:///x' }).problem!, /engine/)
  const [stdout, stderr] = ['2026-11-22T12:00:00Z a line', '2026-11-22T12:00:00Z another\nsecret']
  assert.deepEqual(docker({ code: 1, stdout, stderr }), {
    lines: [],
    truncated: false,
    problem: 'docker logs failed with exit code 1'
  })
})

test('the streams of a container are made one by their times, nanoseconds included', () => {
  const stdout = '2026-11-22T12:00:00.000000001Z one\n2026-11-22T12:00:00.000000003Z three\n  goes on\n'
  const stderr = '2026-11-22T12:00:00.000000002Z WARN two\n2026-11-22T12:00:01Z four\n2026-11-22T12:00:00.5Z half\n'
  const { lines, truncated } = parseContainer(outcome({ stdout, stderr }), { lines: 10, since: undefined })
  const start = Date.UTC(2026, 10, 22, 12)
  assert.deepEqual(
    lines.map(({ ts, level, text }) => [ts - start, level, text]),
    [
      [0, 'info', 'one'],
      [0, 'warn', 'WARN two'],
      [0, 'info', 'three'],
      [0, 'info', '  goes on'],
      [500, 'info', 'half'],
      [1000, 'info', 'four']
    ]
  )
  assert.equal(truncated, false)
  const few = parseContainer(outcome({ stdout, stderr }), { lines: 2, since: undefined })
  assert.deepEqual([few.lines.map(({ text }) => text), few.truncated], [['half', 'four'], true])
})

test('however the lines of a container are shared between its streams, they come back in their order', () => {
  const gap = fc.integer({ min: 1, max: 3_000_000_000 })
  fc.assert(
    fc.property(fc.array(fc.tuple(gap, fc.boolean()), { maxLength: 50 }), (steps) => {
      let nanoseconds = 1_795_330_799_000_000_000n
      const streams = { stdout: '', stderr: '' }
      steps.forEach(([after, isError], n) => {
        nanoseconds += BigInt(after)
        const seconds = new Date(Number(nanoseconds / 1_000_000n)).toISOString().slice(0, 19)
        const fraction = String(nanoseconds % 1_000_000_000n).padStart(9, '0')
        streams[isError ? 'stderr' : 'stdout'] += `${seconds}.${fraction}Z line ${n}\n`
      })
      const { lines } = parseContainer(outcome(streams), { lines: 2000, since: undefined })
      assert.deepEqual(
        lines.map(({ text }) => text),
        steps.map((_, n) => `line ${n}`)
      )
    })
  )
})

test('only what is a name of a container becomes an argument, and it cannot be taken for an option', () => {
  assert.deepEqual(containerArgs('flynn-web-1', { lines: 5, since: Date.UTC(2026, 0, 1) }), [
    'logs',
    '--timestamps',
    '--tail',
    '6',
    '--since',
    '2026-01-01T00:00:00.000Z',
    '--',
    'flynn-web-1'
  ])
  for (const name of ['', '-x', '--help', 'a b', 'a;b', '$(x)', 'ü', 'a'.repeat(256)])
    assert.equal(containerArgs(name, query), undefined)
})

test('a level is read where lines have one, and words of a sentence are none', () => {
  for (const [text, level] of [
    ['time=2026 level=WARN source=x', 'warn'],
    ['{"level":50,"msg":"x"}', 'error'],
    ['{"severity":"ERROR"}', 'error'],
    ['[error] no', 'error'],
    ['2026-11-22 12:00:00 DEBUG x', 'debug'],
    ['<notice> x', 'info'],
    ['FATAL: x', 'error'],
    ['an error was mended, info follows', undefined],
    ['terror INFORMATION', undefined],
    [`${'.'.repeat(200)} ERROR`, undefined]
  ] as const)
    assert.equal(levelIn(text), level, text)
})

test('no output of a program is too strange', () => {
  const weird = fc.oneof(
    fc.string({ maxLength: 300 }),
    fc.json({ maxDepth: 3 }),
    fc.json({ maxDepth: 2 }).map((json) => `{"MESSAGE":${json},"__REALTIME_TIMESTAMP":"1"}`),
    fc.constant('2026-99-99T99:99:99.1Z x')
  )
  fc.assert(
    fc.property(
      fc.array(weird, { maxLength: 20 }).map((parts) => parts.join('\n')),
      (text) => {
        for (const log of [
          parseJournal(outcome({ stdout: text }), query),
          parseContainer(outcome({ stdout: text, stderr: text }), query)
        ]) {
          assert.ok(log.lines.length <= 3)
          for (const { ts, text } of log.lines) assert.ok(Number.isSafeInteger(ts) && typeof text === 'string')
        }
      }
    )
  )
})
