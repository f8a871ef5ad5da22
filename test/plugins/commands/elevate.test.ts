import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { ANN, failure, OPERATOR, rig } from './fixtures.ts'

const NOW = Date.UTC(2026, 0, 1)

/** Commands under a clock of the test, and what the audit log got of them. */
async function elevating(t: TestContext) {
  t.mock.timers.enable({ apis: ['Date'], now: NOW })
  const commands = await rig(t)
  const recorded: unknown[] = []
  Object.assign(commands.app, { audit: { record: (...entry: unknown[]) => void recorded.push(entry) } })
  const stored = async () => (await commands.db.sessions.get('telegram:1'))?.config.elevation
  return {
    give: (text: string) => commands.give(text, OPERATOR),
    asAnn: (text: string) => commands.give(text, ANN),
    recorded,
    stored
  }
}

test('/elevate elevates its session for as long as it says, shows it, and ends it', async (t) => {
  const { give, stored, recorded } = await elevating(t)
  assert.match(await give('/elevate'), /^This session is not elevated\./)
  assert.match(await give('/elevate 10m'), /^This session is elevated until 2026-01-01T00:10:00\.000Z\./)
  assert.equal(await give('/elevate'), 'This session is elevated until 2026-01-01T00:10:00.000Z.')
  for (const [text, ms] of [
    ['90s', 90_000],
    ['2H', 7_200_000],
    ['8h', 28_800_000],
    ['480m', 28_800_000],
    ['1s', 1000]
  ] as const) {
    await give(`/elevate ${text}`)
    assert.deepEqual(await stored(), { untilMs: NOW + ms }, text)
  }
  t.mock.timers.setTime(NOW + 1000)
  assert.match(await give('/elevate'), /^This session is not elevated\./)
  await give('/elevate 1m')
  assert.equal(await give('/elevate OFF'), 'This session is not elevated any more.')
  assert.equal(await stored(), undefined)
  const session = { sessionId: 'telegram:1' }
  assert.deepEqual(recorded.at(0), ['elevation', OPERATOR.id, { ...session, untilMs: NOW + 600_000 }])
  assert.deepEqual(recorded.at(-1), ['elevation', OPERATOR.id, { ...session, untilMs: 0 }])
  assert.equal(recorded.length, 8)
})

test('what is no duration, nothing, or too long changes nothing and is told', async (t) => {
  const { give, stored, recorded } = await elevating(t)
  for (const text of ['10', 'm', '-5m', '1.5h', '10 m', '10d', '10ms', 'forever', '1h30m', '9999999s', '10m now']) {
    assert.match(await give(`/elevate ${text}`), /^That is not a duration\. Nothing was changed\. Write one of:\n/, text)
  }
  for (const text of ['0s', '9h', '481m', '999999h']) {
    assert.match(await give(`/elevate ${text}`), /at most 8 hours\. Nothing was changed\./, text)
  }
  assert.equal(await stored(), undefined)
  assert.deepEqual(recorded, [])
})

test('only operators elevate, show and end', async (t) => {
  const { asAnn, give, stored } = await elevating(t)
  await give('/elevate 1m')
  for (const text of ['/elevate', '/elevate 2h', '/elevate off']) assert.equal(await failure(asAnn(text)), -5, text)
  assert.deepEqual(await stored(), { untilMs: NOW + 60_000 })
  assert.ok(!(await asAnn('/help')).includes('/elevate'))
})
