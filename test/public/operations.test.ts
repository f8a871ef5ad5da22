import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import test from 'node:test'
import { OwnLog } from '../../plugins/observability/own-log.ts'
import { asText, matches, parts } from '../../public/pages/services/search.ts'
import { buckets, pointTone } from '../../public/pages/services/series.ts'
import { connect, scratch } from '../helper.ts'
import type { Machine } from '../programs/machine.ts'
import { stubPrograms } from '../programs/stubs.ts'
import { call, everywhere, open, violations } from './dashboard.ts'
import { SEED_CONFIG, seed } from './seed.ts'

const MACHINE: Machine = {
  systemctl: {
    user: { 'ollama.service': { ActiveState: 'active', SubState: 'running', MainPID: 23, NRestarts: 1 } },
    system: {}
  },
  docker: {
    config: { name: 'flynn', services: { flynn: {}, 'whisper-server': { image: 'whisper' } } },
    containers: [
      {
        Service: 'whisper-server',
        Name: 'flynn-whisper-server-1',
        State: 'running',
        Health: 'healthy',
        Status: 'Up 4 minutes (healthy)'
      }
    ]
  },
  journalctl: {}
}

const TEA = {
  name: 'tea.make',
  description: 'Makes tea',
  params: {
    type: 'object',
    required: ['kind'],
    properties: { kind: { type: 'string', enum: ['green', 'black'] }, cups: { type: 'integer' }, milk: { type: 'boolean' } }
  }
}

test('an operator looks after the gateway, with the keyboard alone', async (t) => {
  const log = new OwnLog({ write: () => true })
  for (let at = 0; at < 300; at++)
    log.write(`${JSON.stringify({ level: at % 100 === 50 ? 40 : 30, time: Date.now(), msg: `request ${at} <b>done</b>` })}\n`)
  const composeFile = path.join(await scratch(t), 'docker-compose.yml')
  await writeFile(composeFile, 'services: { flynn: {} }')
  const stubs = await stubPrograms(t, MACHINE)
  const { page, complaints, url } = await open(t, {
    plugins: [stubs.plugin],
    ownLog: log,
    config: { docker: { composeFile }, server: { nodes: { ...SEED_CONFIG.server.nodes, featureGates: { 'tea.make': true } } } }
  })

  await t.test('the overview teaches an empty gateway, and says what is wrong with a busy one', async () => {
    await page.getByRole('status').getByText('All is well.').waitFor()
    await page.getByRole('region', { name: 'First steps' }).getByRole('link', { name: 'Send your first message' }).waitFor()
    await seed(url, { sessions: 8, messages: 32 })
    await page.getByRole('listitem').getByText('1 run has failed in the last hour').waitFor()
    await page.getByText('1 of 1 failed runs').waitFor()
    const failed = page.getByRole('row').filter({ hasText: 'could not be reached' })
    assert.match((await failed.getByRole('link').getAttribute('href'))!, /^#\/sessions\/[^/]+\/[0-9a-f-]{36}$/)
    assert.deepEqual(await everywhere(page), [])
    await page.getByRole('link', { name: /running, 0 waiting/ }).press('Enter')
    await page.getByRole('heading', { name: 'Lanes' }).waitFor()
  })

  await t.test('a container is restarted in two steps, and a log is searched', async () => {
    await page.goto(`${url}/dashboard/#/services`)
    const row = page.getByRole('row').filter({ hasText: 'whisper' })
    await row.getByText('healthy').waitFor()
    await row.getByRole('link').press('Enter')
    await page.waitForURL(/#\/services\/docker%3Awhisper/)
    await page.getByRole('button', { name: 'Restart …' }).press('Enter')
    await page.getByRole('dialog').getByText('It is away for a moment.').waitFor()
    await page
      .getByRole('dialog')
      .getByRole('button', { name: /^Restart / })
      .press('Enter')
    await page.getByText(/Restarted whisper-server/).waitFor()
    assert.ok((await stubs.calls()).some(({ call }) => call.includes(' restart ')))

    await page.goto(`${url}/dashboard/#/services/systemd%3Aflynn`)
    await page.getByText('Truncated: older lines exist').waitFor()
    await page.getByText('200 lines, read').waitFor()
    const search = page.getByRole('searchbox', { name: 'Search in the log' })
    await search.fill('REQUEST 25')
    await page.getByText('1 of 10', { exact: true }).waitFor()
    await search.press('Shift+Enter')
    await page.getByText('10 of 10', { exact: true }).waitFor()
    await page.getByLabel('Only matches').press('Space')
    const lines = page.getByRole('list', { name: /^Log of/ })
    await lines.getByText('<b>done</b>').nth(9).waitFor()
    assert.equal(await lines.getByRole('listitem').count(), 10)
    assert.match(page.url(), /q=REQUEST\+25&only=yes$/)
    await page.getByLabel('Follow').press('Space')
    log.write(`${JSON.stringify({ level: 50, time: Date.now(), msg: 'request 2500 failed' })}\n`)
    await page.getByText('10 of 11', { exact: true }).waitFor()
    assert.deepEqual(await everywhere(page), [])
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download' }).press('Enter')
    ])
    assert.equal(file.suggestedFilename(), 'systemd-flynn.log')
  })

  await t.test('a capability is used with a form of its schema, and a node is forgotten', async (t) => {
    await page.goto(`${url}/dashboard/#/nodes/phone`)
    await page.getByText('There is no node phone').waitFor()
    const phone = await connect(t, url)
    await phone.call('node.register', { nodeId: 'phone', role: 'companion', protocolVersion: 1, capabilities: [TEA] })
    await phone.call('node.status.set', { deviceName: 'Phone of Alice', batteryPct: 64 })
    const node = page.getByRole('region', { name: 'phone' })
    await node.getByText('Makes tea').waitFor()
    await page.getByText('64 %').waitFor()
    await page
      .getByRole('row')
      .filter({ hasText: 'macbook' })
      .getByText(/stale since/)
      .waitFor()
    await node.getByRole('button', { name: 'Use tea.make of phone' }).press('Enter')
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('kind').selectOption('green')
    await dialog.getByLabel('cups').fill('2')
    await dialog.getByRole('button', { name: 'Use', exact: true }).press('Enter')
    const { data } = await phone.frame(({ event }) => event === 'invoke')
    assert.deepEqual(data.args, { kind: 'green', cups: 2 })
    await phone.call('node.result', { callId: data.callId, ok: true, output: { poured: 2 } })
    await dialog.getByText('"poured": 2').waitFor()
    assert.deepEqual(await violations(page), [])
    await dialog.getByRole('button', { name: 'Close' }).press('Enter')
    assert.deepEqual(await everywhere(page), [])
    await node.getByRole('button', { name: 'Forget' }).press('Enter')
    await page.getByRole('dialog').getByRole('button', { name: 'Forget phone' }).press('Enter')
    await page.getByText('There is no node phone').waitFor()
  })

  await t.test('a person is let in by a code, and shut out again', async () => {
    await page.goto(`${url}/dashboard/#/people`)
    const pairing = page.getByRole('region', { name: 'Pairing' })
    await pairing.getByLabel('Channel').selectOption('telegram')
    await pairing.getByRole('button', { name: 'Make a code' }).press('Enter')
    await pairing.getByText(/left$/).waitFor()
    await pairing.getByText('npx flynn-gateway pair telegram').waitFor()
    const code = await pairing.locator('.code').textContent()
    await call(url, 'pairing.redeem', { code, senderId: 'bob\u202E' })
    await pairing.getByText('It was used or revoked.').waitFor()
    await page.getByRole('link', { name: 'bob⟨202e⟩' }).waitFor()
    await page.getByText('No unknown sender has written.').waitFor()
    await page
      .getByText(/online, seen/)
      .first()
      .waitFor()
    await page.getByText('this one').waitFor()
    assert.deepEqual(await everywhere(page), [])
    await page.getByRole('row').filter({ hasText: 'bob' }).getByRole('button', { name: 'Shut out' }).press('Enter')
    await page.getByRole('dialog').getByRole('button', { name: 'Shut bob⟨202e⟩ out of telegram' }).press('Enter')
    await page.getByText('No one was let in by a code yet.').waitFor()
  })
  assert.deepEqual(complaints, [])
})

test('a bucket without a sample is a gap, and errors degrade one that runs', () => {
  const point = { ts: 120_000, stateCode: 3, healthCode: 0, errorCount: 0, restartCount: 0 }
  const series = { generatedAt: 250_000, windowMinutes: 4, bucketSeconds: 60, series: [{ sourceId: 'a', points: [point] }] }
  assert.deepEqual(buckets(series, 'a'), [undefined, point, undefined, undefined])
  assert.deepEqual(buckets(series, 'b'), [undefined, undefined, undefined, undefined])
  const tones = [{}, { errorCount: 1 }, { healthCode: 1 }, { stateCode: 4 }, { stateCode: 1 }, { stateCode: 2 }]
  assert.deepEqual(
    tones.map((change) => pointTone({ ...point, ...change })),
    ['good', 'wait', 'bad', 'bad', 'idle', 'wait']
  )
})

test('matches in a log are found in any case, and cut out at their places', () => {
  const lines = ['One error, no ERROR', 'İ error', 'fine'].map((text) => ({ ts: 0, level: 'info' as const, text }))
  assert.deepEqual(matches(lines, 'Error'), lines.slice(0, 2))
  assert.deepEqual(matches(lines, ''), [])
  assert.deepEqual(parts(lines[0]!.text, 'error'), ['One ', 'error', ', no ', 'ERROR', ''])
  assert.deepEqual(parts('İ error', 'error'), ['İ error'])
  assert.equal(asText(lines.slice(2)), '1970-01-01T00:00:00.000Z info fine\n')
})
