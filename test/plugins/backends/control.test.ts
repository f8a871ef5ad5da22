import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import test from 'node:test'
import { connect, rejection } from '../../helper.ts'
import { DEAD, FAILED, ollama, RUNNING, rig } from './fixtures.ts'

const on = (unit: object) => ({ systemctl: { user: { 'ollama.service': unit as typeof RUNNING } } })

test('an action is done, and answered with what became of the unit', async (t) => {
  const { control, told, list, app } = await rig(t, on(RUNNING))
  const { status, ...answer } = await control('ollama', 'restart')
  assert.deepEqual(answer, { backend: 'ollama', action: 'restart', message: 'Restarted ollama.service.' })
  assert.deepEqual(status, { id: 'ollama', activeState: 'active', subState: 'running', statusText: 'active (running)' })
  const stopped = await control('ollama', 'stop')
  assert.deepEqual([stopped.status.activeState, stopped.message], ['inactive', 'Stopped ollama.service.'])
  assert.deepEqual((await list())[0].availableActions, ['start'])
  assert.equal((await control('ollama', 'start')).status.statusText, 'active (running)')
  assert.deepEqual(
    await told(),
    ['restart', 'stop', 'start'].map((verb) => `--user --no-pager --no-ask-password ${verb} -- ollama.service`)
  )
  const entries = await app.audit.list({ limit: 10 })
  assert.deepEqual(
    entries.map(({ event, actor, detail }) => [event, actor, detail.action, detail.unit, detail.scope, detail.outcome]).at(-1),
    ['control.backend', 'local', 'restart', 'ollama.service', 'user', 'Restarted ollama.service.']
  )
})

test('an id or an action that is not on the list is refused with what is, and nothing is run', async (t) => {
  const { control, told } = await rig(t, on(DEAD))
  const unknown = await rejection(control('ollama.service; reboot', 'restart'))
  assert.deepEqual([unknown.code, unknown.message], [-2, 'params.backend is not known; there are: ollama, llamacpp'])
  for (const id of ['__proto__', '--help', 'constructor']) assert.equal((await rejection(control(id, 'stop'))).code, -2)
  assert.equal((await rejection(control('ollama', 'kill'))).code, -2)
  const impossible = await rejection(control('ollama', 'stop'))
  assert.deepEqual(
    [impossible.code, impossible.message],
    [-2, 'params.action cannot be stop for ollama now (inactive (dead)); possible: start']
  )
  assert.deepEqual(await told(), [])
})

test('a service that dies right after its start is told as failed', async (t) => {
  const { control } = await rig(t, on({ ...DEAD, started: [{ ...RUNNING, MainPID: 7 }, FAILED] }))
  const { status, message } = await control('ollama', 'start')
  assert.deepEqual([status.activeState, status.statusText], ['failed', 'failed (failed)'])
  assert.equal(message, 'Asked systemd to start ollama.service, which is failed (failed) now: exit-code.')
})

test('a unit that is on its way is waited for', async (t) => {
  const starting = { ActiveState: 'activating', SubState: 'start-pre' }
  const { control } = await rig(t, on({ ...DEAD, started: [starting, starting, RUNNING] }))
  assert.equal((await control('ollama', 'start')).status.activeState, 'active')
})

test('what has not settled when the time is over is told as it is', async (t) => {
  const { control } = await rig(
    t,
    on({ ...RUNNING, stopped: [{ ActiveState: 'deactivating', SubState: 'stop-sigterm', MainPID: 9 }] }),
    { backends: { controlTimeoutSeconds: 4 } }
  )
  const { status, message } = await control('ollama', 'stop')
  assert.equal(status.activeState, 'deactivating')
  assert.equal(message, 'Asked systemd to stop ollama.service, which is deactivating (stop-sigterm) now.')
})

test('a systemctl that hangs over an action is killed, and the state is told all the same', async (t) => {
  const { control, calls } = await rig(t, { ...on(RUNNING), hang: ['restart'] }, { backends: { controlTimeoutSeconds: 5 } })
  const { status } = await control('ollama', 'restart')
  assert.equal(status.activeState, 'active')
  const { pid } = (await calls()).find(({ call }) => call.includes('restart'))!
  assert.throws(() => process.kill(pid, 0))
})

for (const refusal of ['denied', 'authentication'] as const) {
  test(`where permission is missing (${refusal}), the error says so, and the actions are no longer offered`, async (t) => {
    const { control, list, app } = await rig(t, { systemctl: { system: { 'ollama.service': { ...RUNNING, refusal } } } })
    const error = await rejection(control('ollama', 'restart'))
    assert.deepEqual([error.code, error.data.reason], [5, 'permission'])
    assert.match(
      error.message,
      /^Could not restart ollama.service: the user that the gateway runs as has no permission to control/
    )
    const [ollama] = await list()
    assert.deepEqual([ollama.statusText, ollama.availableActions], ['active (running)', []])
    assert.match(ollama.problem, /polkit/)
    assert.equal((await rejection(control('ollama', 'restart'))).code, -2)
    assert.match(String((await app.audit.list({ limit: 2 }))[1]!.detail.outcome), /permission/)
  })
}

test('a job of systemd that failed is answered with its reason and the state', async (t) => {
  const { control } = await rig(t, on({ ...DEAD, refusal: 'job', started: [FAILED] }))
  const { status, message } = await control('ollama', 'start')
  assert.equal(status.activeState, 'failed')
  assert.match(message, /^Could not start ollama\.service, which is failed \(failed\) now: Job for ollama\.service failed/)
})

test('of two who control the same unit at once the second is told to come back, and another unit is free', async (t) => {
  const { client, url, called, go, control } = await rig(t, {
    systemctl: { user: { 'ollama.service': RUNNING, 'llama-server.service': RUNNING } },
    hold: ['restart ollama.service']
  })
  const first = client.start('system.localBackendControl', { backend: 'ollama', action: 'restart' })
  await called('restart')
  const other = await connect(t, url)
  const refused = await rejection(other.call('system.localBackendControl', { backend: 'ollama', action: 'stop' }))
  assert.deepEqual([refused.code, refused.data.retryable], [3, true])
  assert.equal((await control('llamacpp', 'stop')).status.activeState, 'inactive')
  await go()
  assert.equal((await client.final(first)).result.status.activeState, 'active')
})

test('an update of llama.cpp restarts it, and starts nothing that somebody has stopped', async (t) => {
  const { control, told } = await rig(t, { systemctl: { user: { 'llama-server.service': RUNNING } } })
  const { message } = await control('llamacpp', 'update')
  assert.equal(message, 'Restarted llama-server.service.')
  assert.deepEqual(await told(), ['--user --no-pager --no-ask-password try-restart -- llama-server.service'])
})

const line = (response: ServerResponse, report: object) => response.write(`${JSON.stringify(report)}\n`)

test('an update of Ollama pulls every configured model once, and says how it ended', async (t) => {
  const { baseUrl, pulled } = await ollama(t, (_model, response) => {
    line(response, { status: 'pulling manifest' })
    line(response, { status: 'pulling 1', digest: 'sha256:1', total: 100, completed: 50 })
    response.end(`${JSON.stringify({ status: 'success' })}\n`)
  })
  const models = {
    default: { ollama: { model: 'llama3', baseUrl }, openai_compatible: { model: 'other', baseUrl } },
    fast: { ollama: { model: 'phi', baseUrl } },
    again: { ollama: { model: 'llama3', baseUrl } }
  }
  const { control, list } = await rig(t, on(RUNNING), { models })
  const { status, message } = await control('ollama', 'update')
  assert.equal(message, 'Updated ollama: pulled llama3, phi.')
  assert.deepEqual(pulled, ['llama3', 'phi'])
  assert.deepEqual([status.job.state, status.job.text], ['done', 'pulled llama3, phi'])
  assert.deepEqual((await list())[0].availableActions, ['restart', 'stop', 'update'])
})

test('an update goes on after its answer and its client, is seen in the list, and ends with the gateway', async (t) => {
  let closed = false
  const { baseUrl } = await ollama(t, (_model, response) => {
    response.once('close', () => {
      closed = true
    })
    line(response, { status: 'pulling 1', digest: 'sha256:1', total: 200, completed: 50 })
    line(response, { status: 'pulling 2', digest: 'sha256:2', total: 200, completed: 150 })
  })
  const { client, url, host } = await rig(t, on(RUNNING), {
    models: { default: { ollama: { model: 'llama3', baseUrl } } },
    backends: { controlTimeoutSeconds: 2 }
  })
  const { message, status } = await client.call('system.localBackendControl', { backend: 'ollama', action: 'update' })
  assert.equal(message, 'Pulling 1 model: this goes on, and system.localBackends shows how far it is.')
  assert.deepEqual([status.activeState, status.job.state, status.job.text], ['active', 'running', 'pulling llama3: 50 %'])
  client.socket.terminate()
  const other = await connect(t, url)
  const [backend] = (await other.call('system.localBackends')).backends
  assert.deepEqual([backend.job.state, backend.job.text, backend.availableActions], ['running', 'pulling llama3: 50 %', []])
  for (const action of ['update', 'restart']) {
    assert.equal((await rejection(other.call('system.localBackendControl', { backend: 'ollama', action }))).code, 3)
  }
  assert.equal(closed, false)
  await host.close()
  await t.waitFor(() => assert.equal(closed, true))
})

for (const [what, answer, text] of [
  [
    'an error in the middle of an answer that began well',
    (response: ServerResponse) => response.end(`{"status":"pulling manifest"}\n{"error":"file does not exist"}\n`),
    /llama3 could not be pulled: file does not exist/
  ],
  ['an answer that stops', (response: ServerResponse) => response.end('{"status":"pulling"}\n'), /stopped before it was done/],
  ['a connection that breaks', (response: ServerResponse) => response.destroy(), /Ollama cannot be reached/],
  ['a line without end', (response: ServerResponse) => response.end('x'.repeat(100_000)), /cannot be read/]
] as const) {
  test(`an update that fails by ${what} is an error, and the next model is pulled all the same`, async (t) => {
    const { baseUrl, pulled } = await ollama(t, (model, response) => {
      if (model === 'llama3') answer(response)
      else response.end('{"status":"success"}')
    })
    const models = { default: { ollama: { model: 'llama3', baseUrl } }, fast: { ollama: { model: 'phi', baseUrl } } }
    const { control, list } = await rig(t, on(RUNNING), { models })
    const error = await rejection(control('ollama', 'update'))
    assert.equal(error.code, 5)
    assert.match(error.message, text)
    assert.deepEqual(pulled, ['llama3', 'phi'])
    assert.equal((await list())[0].job.state, 'failed')
  })
}

test('closing the gateway ends an action that is waiting for its unit', async (t) => {
  const { client, host, called } = await rig(t, { ...on(RUNNING), hang: ['restart'] })
  client.start('system.localBackendControl', { backend: 'ollama', action: 'restart' })
  const { pid } = await called('restart')
  await host.close()
  assert.throws(() => process.kill(pid, 0))
})
