import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import test, { type TestContext } from 'node:test'
import Fastify from 'fastify'
import gateway from '../../../app.ts'
import { MAX_CHARACTERS } from '../../../plugins/observability/logs.ts'
import { maskingLog, OwnLog } from '../../../plugins/observability/own-log.ts'
import { Masker } from '../../../security/masking/masker.ts'
import { build, connect, type Frame, rejection, scratch } from '../../helper.ts'
import type { Machine } from '../../programs/machine.ts'
import { stubPrograms } from '../../programs/stubs.ts'

const SECRET = 'canary-in-the-configuration'

const MODEL = {
  name: 'flynn',
  services: { flynn: {}, 'whisper-server': { image: 'whisper' }, searxng: { image: 'searxng' }, off: { image: 'off' } }
}
const MACHINE: Machine = {
  systemctl: {
    user: { 'ollama.service': { ActiveState: 'active', SubState: 'running', MainPID: 23, NRestarts: 1 } },
    system: { 'llama-server.service': { ActiveState: 'failed', SubState: 'failed' } }
  },
  docker: {
    config: MODEL,
    containers: [
      {
        Service: 'whisper-server',
        Name: 'flynn-whisper-server-1',
        State: 'running',
        Health: 'healthy',
        Status: 'Up 4 minutes (healthy)'
      },
      { Service: 'searxng', Name: 'searxng', State: 'exited', Status: 'Exited (1) 2 minutes ago' }
    ]
  },
  journalctl: {}
}

/** A gateway on a machine of its own, and a client of it. */
async function rig(t: TestContext, machine: Machine = MACHINE) {
  const dataDir = await scratch(t)
  const composeFile = path.join(dataDir, 'docker-compose.yml')
  await writeFile(composeFile, 'services: { flynn: {} }')
  const stubs = await stubPrograms(t, machine)
  const config = { dataDir, server: { token: SECRET }, docker: { composeFile }, models: { default: {} } }
  const { app, url } = await build(t, { plugins: [stubs.plugin], config: { ...config, models: {} } })
  return { app, stubs, client: await connect(t, url, { token: SECRET }), url }
}

test('the sources are the gateway, the backends and the dependencies, as they are', async (t) => {
  const { client } = await rig(t)
  const { sources } = await client.call('system.observabilitySources')
  assert.deepEqual(
    sources.map(({ id, kind, status, logCapable }: Frame) => [id, kind, status, logCapable]),
    [
      ['systemd:flynn', 'process', 'running', false],
      ['systemd:ollama', 'systemd_user', 'running', true],
      ['systemd:llamacpp', 'systemd_system', 'failed', true],
      ['docker:whisper', 'docker_dependency', 'running', true],
      ['docker:searxng', 'docker_dependency', 'failed', true],
      ['docker:off', 'docker_dependency', 'stopped', false]
    ]
  )
  assert.equal(sources[5].problem, 'it has no container')
})

test('on a machine that has neither systemd nor Docker everything answers, and says so', async (t) => {
  const { client, stubs } = await rig(t, {})
  const { sources } = await client.call('system.observabilitySources')
  assert.ok(sources.length >= 3)
  for (const { id, status, problem } of sources.slice(1)) {
    assert.equal(status, 'unknown', id)
    assert.match(problem, /no systemd|not installed/)
    const log = await client.call('system.serviceLogs', { sourceId: id })
    assert.deepEqual([log.lines, log.redacted, log.truncated, log.problem], [[], false, false, problem])
  }
  const { series } = await client.call('system.observabilitySeries')
  assert.deepEqual(
    series.map(({ sourceId }: Frame) => sourceId),
    sources.map(({ id }: Frame) => id)
  )
  assert.deepEqual(await stubs.calls(), [])
})

test('a source that is not known is refused, and nothing is run for it', async (t) => {
  const { client, stubs } = await rig(t)
  await client.call('system.observabilitySources')
  const before = (await stubs.calls()).length
  for (const [method, params, at] of [
    ['system.observabilitySeries', { sourceIds: ['systemd:flynn', 'docker:--help'] }, 'params.sourceIds[1]'],
    ['system.serviceLogs', { sourceId: 'docker:flynn' }, 'params.sourceId'],
    ['system.serviceLogs', { sourceId: 'systemd:x.service; rm -r /' }, 'params.sourceId'],
    ['system.serviceLogs', { sourceId: '__proto__' }, 'params.sourceId']
  ] as const) {
    const { code, message } = await rejection(client.call(method, params))
    assert.equal(code, -2)
    assert.ok(message.startsWith(`${at} is not known; there are: systemd:flynn, `), message)
  }
  const after = await stubs.calls()
  assert.ok(after.slice(before).every(({ args }) => args.includes('show') || args.includes('ps') || args.includes('config')))
})

test('a log of the journal comes in the order of time, without secrets and colours', async (t) => {
  const entry = (ms: number, MESSAGE: unknown, PRIORITY = '6') =>
    JSON.stringify({ MESSAGE, PRIORITY, __REALTIME_TIMESTAMP: `${ms}000` })
  const stdout = [
    entry(1_795_330_799_003, [...Buffer.from(`\u001b[31mkey ${SECRET}\u001b[0m`)], '3'),
    entry(1_795_330_799_002, null),
    entry(1_795_330_799_001, 'level=WARN url=http://me:pw@host'),
    entry(1_795_330_799_000, 'plain')
  ].join('\n')
  const { client, stubs } = await rig(t, { ...MACHINE, journalctl: { stdout } })
  const log = await client.call('system.serviceLogs', { sourceId: 'systemd:ollama', lines: 3, sinceSeconds: 900 })
  assert.deepEqual(log.lines, [
    { ts: 1_795_330_799_000, level: 'info', text: 'plain' },
    { ts: 1_795_330_799_001, level: 'warn', text: 'level=WARN url=http://***@host' },
    { ts: 1_795_330_799_003, level: 'error', text: 'key ***' }
  ])
  assert.deepEqual([log.sourceId, log.redacted, log.truncated, log.problem], ['systemd:ollama', true, false, undefined])
  const { args } = await stubs.called('journalctl')
  assert.ok(args.includes('--user-unit=ollama.service') && args.includes('--lines=4'))
  const since = Number(args.find((arg) => arg.startsWith('--since=@'))!.slice(9))
  assert.equal(since, Math.floor((log.fetchedAt - 900_000) / 1000))
})

test('a log of a container is made of both its streams', async (t) => {
  const logs = {
    stdout: '2026-11-22T12:00:00.000000001Z one\n2026-11-22T12:00:00.000000003Z three\n',
    stderr: '2026-11-22T12:00:00.000000002Z two\n'
  }
  const { client, stubs } = await rig(t, { ...MACHINE, docker: { ...MACHINE.docker, logs } })
  const log = await client.call('system.serviceLogs', { sourceId: 'docker:whisper', lines: 2 })
  assert.deepEqual([log.lines.map(({ text }: Frame) => text), log.redacted, log.truncated], [['two', 'three'], false, true])
  const { args } = await stubs.called('docker logs')
  assert.deepEqual(args, ['logs', '--timestamps', '--tail', '3', '--', 'flynn-whisper-server-1'])
})

test('a program that prints without end is stopped, and the gateway answers meanwhile', async (t) => {
  const { client } = await rig(t, { ...MACHINE, chatty: ['docker logs', 'journalctl'] })
  for (const sourceId of ['docker:whisper', 'systemd:ollama']) {
    const id = client.start('system.serviceLogs', { sourceId })
    assert.ok(await client.call('system.info'))
    const { result } = await client.final(id)
    assert.deepEqual([result.truncated, result.lines], [true, []])
  }
})

test('an answer has an end: in lines, in characters, in points', async (t) => {
  const line = (n: number) => `2026-11-22T12:00:00.${String(n).padStart(9, '0')}Z ${n} ${'x'.repeat(7000)}\n`
  const stdout = Array.from({ length: 400 }, (_, n) => line(n)).join('')
  const { client } = await rig(t, { ...MACHINE, docker: { ...MACHINE.docker, logs: { stdout } } })
  const log = await client.call('system.serviceLogs', { sourceId: 'docker:whisper', lines: 2000 })
  assert.equal(log.truncated, true)
  assert.match(log.lines.at(-1).text, /^399 x/)
  assert.ok(JSON.stringify(log.lines).length < 1.1 * MAX_CHARACTERS)
  const { code, message } = await rejection(client.call('system.observabilitySeries', { windowMinutes: 1440, bucketSeconds: 15 }))
  assert.equal(code, -2)
  const least = Number(/^params\.bucketSeconds must be at least (\d+) /.exec(message)![1])
  assert.ok(await client.call('system.observabilitySeries', { windowMinutes: 1440, bucketSeconds: least }))
  assert.ok(await rejection(client.call('system.observabilitySeries', { windowMinutes: 1440, bucketSeconds: least - 1 })))
})

test('looks become points', async (t) => {
  const { app, client } = await rig(t)
  await app.observability.sample()
  const params = { windowMinutes: 60, bucketSeconds: 3600, sourceIds: ['systemd:flynn', 'docker:whisper', 'docker:whisper'] }
  const answer = await client.call('system.observabilitySeries', params)
  assert.deepEqual([answer.windowMinutes, answer.bucketSeconds], [60, 3600])
  assert.deepEqual(
    answer.series.map(({ sourceId, points }: Frame) => [sourceId, points.length, points[0].stateCode, points[0].healthCode]),
    [
      ['systemd:flynn', 1, 3, 2],
      ['docker:whisper', 1, 3, 2]
    ]
  )
  const [{ ts }] = answer.series[0].points
  assert.equal(ts, Math.floor(answer.generatedAt / 3_600_000) * 3_600_000)
})

test('the log of a gateway that writes it itself is a source', async (t) => {
  const written: string[] = []
  const ownLog = new OwnLog({ write: (line) => written.push(line) })
  const masker = new Masker([SECRET])
  const host = Fastify({ logger: { stream: ownLog, ...maskingLog(() => masker) } })
  t.after(() => host.close())
  await host.register(gateway, { ownLog, config: { dataDir: await scratch(t), server: { token: SECRET } } })
  await host.ready()
  host.gateway.log.warn({ credential: SECRET }, 'told')
  const { sources } = await call(host, 'system.observabilitySources')
  assert.equal(sources[0].logCapable, true)
  const { lines, redacted } = await call(host, 'system.serviceLogs', { sourceId: 'systemd:flynn' })
  const warned = lines.filter(({ level }: Frame) => level === 'warn').map(({ text }: Frame) => text)
  assert.deepEqual([warned.at(-1), redacted], ['told {"credential":"***"}', true])
})

async function call(
  host: { inject: (options: object) => Promise<{ json(): Frame }> },
  method: string,
  payload: object = {}
): Promise<Frame> {
  const headers = { authorization: `Bearer ${SECRET}` }
  return (await host.inject({ method: 'POST', url: `/rpc/${method}`, payload, headers })).json().result
}
