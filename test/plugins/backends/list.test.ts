import assert from 'node:assert/strict'
import test from 'node:test'
import { connect, rejection } from '../../helper.ts'
import { DEAD, FAILED, RUNNING, rig } from './fixtures.ts'

test('a unit of the user is listed as in the specification, one of the machine where the user has none', async (t) => {
  const { list, calls } = await rig(t, {
    systemctl: { user: { 'ollama.service': RUNNING }, system: { 'ollama.service': DEAD, 'llama-server.service': DEAD } }
  })
  const [ollama, llamacpp] = await list()
  assert.deepEqual(ollama, {
    id: 'ollama',
    provider: 'ollama',
    name: 'Ollama',
    unit: 'ollama.service',
    scope: 'user',
    configured: true,
    loadState: 'loaded',
    activeState: 'active',
    subState: 'running',
    unitFileState: 'enabled',
    description: 'Ollama Service',
    pid: 12345,
    result: 'success',
    statusText: 'active (running)',
    availableActions: ['restart', 'stop'],
    restartCount: 0
  })
  assert.deepEqual(
    [llamacpp.id, llamacpp.scope, llamacpp.pid, llamacpp.availableActions],
    ['llamacpp', 'system', null, ['start']]
  )
  assert.deepEqual(
    (await calls()).map(({ args }) => [args[0] === '--user', args.slice(args.indexOf('--') + 1)]),
    [
      [true, ['ollama.service', 'llama-server.service']],
      [false, ['llama-server.service']]
    ]
  )
})

test('what can be done follows from the state; an update needs something to pull', async (t) => {
  const models = { default: { ollama: { model: 'llama3' } } }
  for (const [unit, ollama, llamacpp] of [
    [RUNNING, ['restart', 'stop', 'update'], ['restart', 'stop', 'update']],
    [DEAD, ['start'], ['start']],
    [FAILED, ['start'], ['start']],
    [{ ActiveState: 'activating', SubState: 'auto-restart' }, ['stop'], ['stop']],
    [{ ActiveState: 'deactivating', SubState: 'stop-sigterm' }, [], []],
    [{ ...DEAD, LoadState: 'masked' }, [], []],
    [{ ...DEAD, LoadState: 'bad-setting' }, [], []]
  ] as const) {
    const { app } = await rig(t, { systemctl: { user: { 'ollama.service': unit, 'llama-server.service': unit } } }, { models })
    const backends = await app.backends.list()
    assert.deepEqual(
      backends.map(({ availableActions }) => availableActions),
      [ollama, llamacpp],
      JSON.stringify(unit)
    )
  }
})

test('without a manager of the user, its units are those of the machine', async (t) => {
  const { list } = await rig(t, { systemctl: { system: { 'ollama.service': RUNNING } } })
  const [ollama, llamacpp] = await list()
  assert.deepEqual([ollama.scope, ollama.problem], ['system', undefined])
  assert.deepEqual(
    [llamacpp.scope, llamacpp.loadState, llamacpp.statusText, llamacpp.configured, llamacpp.availableActions],
    [null, 'not-found', 'there is no unit llama-server.service', false, []]
  )
})

for (const [what, machine, text] of [
  ['neither systemctl nor systemd', {}, 'there is no systemd on this machine'],
  ['a systemctl that has no systemd', { systemctl: {} }, 'systemd is not running on this machine'],
  [
    'a systemd that may not be asked',
    { systemctl: { system: 'Failed to list: Access denied' } },
    'the user that the gateway runs as may not ask systemd'
  ],
  ['a systemctl that prints without end', { systemctl: {}, chatty: ['show'] }, 'systemctl printed too much']
] as const) {
  test(`on a machine with ${what}, the list says so, offers nothing, and is no error`, async (t) => {
    const { list, control } = await rig(t, machine, { models: { default: { ollama: { model: 'llama3' } } } })
    const [ollama, llamacpp] = await list()
    assert.deepEqual(
      [ollama.configured, llamacpp.configured, ollama.loadState, ollama.activeState, ollama.pid, ollama.availableActions],
      [true, false, 'not-found', 'unknown', null, []]
    )
    assert.deepEqual([ollama.statusText, ollama.problem], [text, text])
    const refused = await rejection(control('ollama', 'start'))
    assert.equal(refused.code, -2)
    assert.ok(refused.message.includes(text), refused.message)
  })
}

test('a systemctl that hangs is given up, and holds up nobody else', async (t) => {
  const { list, client, called } = await rig(t, { systemctl: {}, hang: ['show'] })
  const listed = list()
  await called('show')
  assert.ok((await client.call('system.info')).version)
  const [ollama] = await listed
  assert.equal(ollama.statusText, 'systemctl did not answer in time')
})

test('a hundred clients who ask at once are one look', async (t) => {
  const { url, calls, go } = await rig(t, {
    systemctl: { user: { 'ollama.service': RUNNING, 'llama-server.service': DEAD } },
    hold: ['show']
  })
  const clients = await Promise.all(Array.from({ length: 100 }, () => connect(t, url)))
  const asked = clients.map((client) => client.call('system.localBackends'))
  // Answered in the order in which they were read: all of them are waiting by now.
  await Promise.all(clients.map((client) => client.call('system.info')))
  await go()
  for (const { backends } of await Promise.all(asked)) assert.equal(backends[0].pid, 12345)
  assert.equal((await calls()).length, 1)
})

test('the units are those of the configuration, and one that would be an option is refused there', async (t) => {
  const { list, calls } = await rig(
    t,
    { systemctl: { user: { 'my@one.service': RUNNING, 'llama-server.service': DEAD } } },
    { backends: { ollama: { unit: 'my@one.service' } } }
  )
  assert.equal((await list())[0].unit, 'my@one.service')
  assert.ok((await calls())[0]!.args.includes('my@one.service'))
  for (const unit of ['-x.service', 'a b.service', 'ollama', '--user.service', '../a.service']) {
    await assert.rejects(rig(t, {}, { backends: { ollama: { unit } } }), /backends\.ollama\.unit/)
  }
})
