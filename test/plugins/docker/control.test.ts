import assert from 'node:assert/strict'
import test from 'node:test'
import { connect, rejection } from '../../helper.ts'
import type { StubContainer } from '../../programs/machine.ts'
import { CONFIG, rig, WHISPER } from './fixtures.ts'

const on = (container: Partial<StubContainer>, docker: object = {}) => ({
  docker: { config: CONFIG, containers: [{ ...WHISPER, ...container }], ...docker }
})

test('an action is done with compose, and answered as in the specification', async (t) => {
  const { control, told, app, calls, composeFile } = await rig(t, on({}))
  assert.deepEqual(await control('whisper', 'restart'), {
    dependency: 'whisper',
    action: 'restart',
    status: { id: 'whisper', state: 'running', health: 'healthy', statusText: 'running (healthy)' },
    message: 'Restarted whisper-server container.'
  })
  const stopped = await control('whisper', 'stop')
  assert.deepEqual(
    [stopped.status, stopped.message],
    [{ id: 'whisper', state: 'exited', health: 'none', statusText: 'exited' }, 'Stopped whisper-server container.']
  )
  assert.equal((await control('whisper', 'start')).status.statusText, 'running')
  assert.deepEqual(await told(), [
    'restart --no-deps whisper-server',
    'stop -t 10 whisper-server',
    'up -d --no-deps --no-build --no-recreate whisper-server'
  ])
  const { args } = (await calls()).find(({ call }) => call.includes(' restart '))!
  assert.deepEqual(args.slice(0, 9), [
    'compose',
    '-p',
    'flynn',
    '-f',
    composeFile,
    '--project-directory',
    composeFile.replace('/docker-compose.yml', ''),
    '--profile',
    '*'
  ])
  const entries = await app.audit.list({ limit: 10 })
  assert.deepEqual(entries.map(({ event, actor, detail }) => [event, actor, detail]).at(-1), [
    'control.docker',
    'local',
    {
      dependency: 'whisper',
      service: 'whisper-server',
      action: 'restart',
      outcome: 'Restarted whisper-server container.'
    }
  ])
})

test('a service without a container can be started', async (t) => {
  const { control } = await rig(t, on({}))
  assert.deepEqual((await control('searxng', 'start')).status, {
    id: 'searxng',
    state: 'running',
    health: 'none',
    statusText: 'running'
  })
})

test('an id or an action that is not on the list is refused with what is, and nothing is run', async (t) => {
  const { control, told } = await rig(t, on({ State: 'exited' }))
  const unknown = await rejection(control('whisper; reboot', 'stop'))
  assert.deepEqual(
    [unknown.code, unknown.message],
    [-2, 'params.dependency is not known; there are: whisper, brave-search, searxng']
  )
  for (const id of ['flynn', '__proto__', '--help', 'whisper-server', 'flynn-whisper-server-1']) {
    assert.equal((await rejection(control(id, 'stop'))).code, -2, id)
  }
  assert.equal((await rejection(control('whisper', 'down'))).code, -2)
  const impossible = await rejection(control('whisper', 'stop'))
  assert.match(impossible.message, /^params\.action cannot be stop for whisper now .*; possible: start, update$/)
  assert.deepEqual(await told(), [])
})

test('a container whose health is being checked is waited for', async (t) => {
  const starting = { State: 'running', Health: 'starting', Status: 'Up 1 second (health: starting)' }
  const { control } = await rig(t, on({ next: [...Array(6).fill(starting), { ...starting, Health: 'healthy' }] }))
  assert.deepEqual((await control('whisper', 'restart')).status.statusText, 'running (healthy)')
})

test('a container that dies right after its start is told as it is', async (t) => {
  const { control } = await rig(
    t,
    on({ State: 'exited', Health: '', next: [{ State: 'running' }, { State: 'exited', Status: 'Exited (1)' }] })
  )
  const { status, message } = await control('whisper', 'start')
  assert.deepEqual([status.state, message], ['exited', 'Told whisper-server container to start; it is exited now.'])
})

test('what has not settled when the time is over is told as it is', async (t) => {
  const { control } = await rig(t, on({ next: [{ State: 'restarting', Health: '', Status: 'Restarting (1) 1 second ago' }] }), {
    docker: { controlTimeoutSeconds: 4 }
  })
  const { status, message } = await control('whisper', 'restart')
  assert.deepEqual([status.state, message], ['restarting', 'Told whisper-server container to restart; it is restarting now.'])
})

test('a compose that hangs over an action is killed, and the answer says so', async (t) => {
  const { control, calls } = await rig(t, { ...on({}), hang: ['restart'] }, { docker: { controlTimeoutSeconds: 3 } })
  const error = await rejection(control('whisper', 'restart'))
  assert.deepEqual([error.code, error.message], [5, 'Could not restart whisper-server: docker did not answer in time'])
  const { pid } = (await calls()).find(({ call }) => call.includes(' restart '))!
  assert.throws(() => process.kill(pid, 0))
})

test('what compose refuses is an error without what only the log should say', async (t) => {
  const { control } = await rig(t, on({}, { fails: 'open /root/secret.env: no such file' }))
  const error = await rejection(control('whisper', 'restart'))
  assert.equal(error.code, 5)
  assert.match(error.message, /^Could not restart whisper-server: docker compose failed with exit code 1;/)
  assert.doesNotMatch(JSON.stringify(error), /secret\.env/)
})

test('of two who control the same service at once the second is told to come back, and another service is free', async (t) => {
  const { client, url, called, go, control } = await rig(t, { ...on({}), hold: ['restart whisper-server'] })
  const first = client.start('system.dockerDependencyControl', { dependency: 'whisper', action: 'restart' })
  await called('restart')
  const other = await connect(t, url)
  const refused = await rejection(other.call('system.dockerDependencyControl', { dependency: 'whisper', action: 'stop' }))
  assert.deepEqual([refused.code, refused.data.retryable], [3, true])
  assert.equal((await control('searxng', 'start')).status.state, 'running')
  await go()
  assert.equal((await client.final(first)).result.status.state, 'running')
})

for (const newImage of [true, false]) {
  test(`an update pulls, reconciles, and says whether anything is new (${newImage})`, async (t) => {
    const { control, told, list } = await rig(t, on({}, { newImage }))
    const { status, message } = await control('whisper', 'update')
    assert.equal(
      message,
      newImage
        ? 'Updated whisper-server container: it runs from a newer image or with another configuration now.'
        : 'Updated whisper-server container: its image was the latest already.'
    )
    assert.deepEqual([status.state, status.job.state], ['running', 'done'])
    assert.deepEqual(await told(), [
      'pull --quiet --ignore-buildable whisper-server',
      'up -d --no-deps --no-build --quiet-pull whisper-server'
    ])
    assert.equal((await list())[0].job.state, 'done')
  })
}

test('an update goes on after its answer and its client, is seen in the list, and ends by itself', async (t) => {
  const { client, url, go, app } = await rig(t, { ...on({}), hold: ['pull'] }, { docker: { controlTimeoutSeconds: 2 } })
  const { status, message } = await client.call('system.dockerDependencyControl', { dependency: 'whisper', action: 'update' })
  assert.equal(message, 'Updating whisper-server container: this goes on, and system.dockerDependencies shows how far it is.')
  assert.deepEqual([status.state, status.job.state, status.job.text], ['running', 'running', 'pulling whisper:latest'])
  client.socket.terminate()
  const other = await connect(t, url)
  const [whisper, , searxng] = (await other.call('system.dockerDependencies')).dependencies
  assert.deepEqual([whisper.job.state, whisper.availableActions, searxng.availableActions], ['running', [], ['start', 'update']])
  for (const action of ['update', 'stop']) {
    assert.equal((await rejection(other.call('system.dockerDependencyControl', { dependency: 'whisper', action }))).code, 3)
  }
  await go()
  await t.waitFor(async () => assert.equal((await app.dependencies.list())[0]!.job?.state, 'done'), { timeout: 10_000 })
  assert.ok((await app.audit.list({ limit: 20 })).some(({ event }) => event === 'control.updated'))
})

test('an update that fails is an error, and leaves the service free', async (t) => {
  const { control, list } = await rig(t, on({}, { fails: 'manifest unknown' }))
  const error = await rejection(control('whisper', 'update'))
  assert.equal(error.code, 5)
  assert.match(error.message, /^Could not update whisper-server: docker compose failed/)
  const [whisper] = await list()
  assert.deepEqual([whisper.job.state, whisper.availableActions], ['failed', ['restart', 'stop', 'update']])
})

test('closing the gateway ends an update and an action that are under way', async (t) => {
  const { client, host, called } = await rig(t, {
    ...on({}),
    hang: ['pull whisper-server', 'up searxng']
  })
  client.start('system.dockerDependencyControl', { dependency: 'whisper', action: 'update' })
  client.start('system.dockerDependencyControl', { dependency: 'searxng', action: 'start' })
  const pids = [(await called('pull')).pid, (await called('up searxng')).pid]
  await host.close()
  for (const pid of pids) assert.throws(() => process.kill(pid, 0))
})
