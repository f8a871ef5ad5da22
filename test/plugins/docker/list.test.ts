import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import test from 'node:test'
import { connect, rejection } from '../../helper.ts'
import { CONFIG, CONTAINERS, rig, WHISPER } from './fixtures.ts'

for (const form of ['array', 'lines'] as const) {
  test(`the services of all profiles are listed as in the specification, from ${form}`, async (t) => {
    const { listing, calls, composeFile } = await rig(t, { docker: { config: CONFIG, containers: CONTAINERS, form } })
    const common = { configured: true, availableActions: ['restart', 'stop', 'update'] }
    assert.deepEqual(await listing(), {
      dependencies: [
        {
          id: 'whisper',
          name: 'Whisper (whisper.cpp)',
          service: 'whisper-server',
          state: 'running',
          health: 'healthy',
          statusText: 'Up 4 minutes (healthy)',
          containerName: 'flynn-whisper-server-1',
          ...common
        },
        {
          id: 'brave-search',
          name: 'Brave Search',
          service: 'brave-search',
          state: 'running',
          health: 'healthy',
          statusText: 'Up 2 minutes',
          containerName: 'brave-search',
          ...common
        },
        {
          id: 'searxng',
          name: 'SearXNG',
          service: 'searxng',
          state: 'running',
          health: 'none',
          statusText: 'Up 2 minutes',
          containerName: 'searxng',
          ...common
        }
      ]
    })
    const seen = await calls()
    assert.equal(seen.length, 2)
    for (const { args } of seen) {
      assert.deepEqual([args[args.indexOf('--profile') + 1], args[args.indexOf('-f') + 1]], ['*', composeFile])
    }
  })
}

test('what can be done follows from the state; what is built here cannot be pulled', async (t) => {
  for (const [state, actions] of [
    ['running', ['restart', 'stop', 'update']],
    ['restarting', ['restart', 'stop']],
    ['paused', ['restart', 'stop']],
    ['exited', ['start', 'update']],
    ['created', ['start', 'update']],
    ['dead', ['start', 'update']],
    ['removing', []],
    ['odd', []]
  ] as const) {
    const { app } = await rig(t, { docker: { config: CONFIG, containers: [{ ...WHISPER, State: state }] } })
    const [whisper, brave] = await app.dependencies.list()
    assert.deepEqual(whisper!.availableActions, actions, state)
    assert.deepEqual(
      [brave!.state, brave!.statusText, brave!.availableActions],
      ['not_created', 'Not created', ['start', 'update']]
    )
  }
  const built = await rig(t, { docker: { config: { services: { mine: { build: '.' } } } } })
  assert.deepEqual((await built.list())[0].availableActions, ['start'])
})

test('without a compose file there is nothing, and docker is not asked', async (t) => {
  const { listing, calls } = await rig(t, { docker: { config: CONFIG } }, {}, '')
  assert.deepEqual(await listing(), { dependencies: [] })
  assert.deepEqual(await calls(), [])
})

test('another service can be the gateway itself', async (t) => {
  const { list } = await rig(t, { docker: { config: CONFIG } }, { docker: { selfService: 'searxng' } })
  assert.deepEqual(
    (await list()).map(({ id }: { id: string }) => id),
    ['flynn', 'whisper', 'brave-search']
  )
})

for (const [what, docker, text] of [
  ['no docker', undefined, 'docker is not installed on this machine'],
  [
    'no compose plugin',
    { refusal: "unknown shorthand flag: 'p' in -p\n\nUsage:  docker [OPTIONS] COMMAND [ARG...]" },
    'docker has no compose plugin on this machine'
  ],
  [
    'no compose plugin, as others say it',
    { refusal: 'docker: unknown command: docker compose' },
    'docker has no compose plugin on this machine'
  ],
  [
    'no engine',
    {
      config: CONFIG,
      refusal: 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?'
    },
    'the Docker engine cannot be reached'
  ],
  [
    'no permission',
    {
      config: CONFIG,
      refusal:
        'permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get "http://…": dial unix /var/run/docker.sock: connect: permission denied'
    },
    'the user that the gateway runs as has no permission to use Docker'
  ],
  [
    'another failure',
    { config: CONFIG, refusal: 'open /root/.docker/daemon.json: strange' },
    'docker compose failed with exit code 1; the log of the gateway says more'
  ]
] as const) {
  test(`with ${what}, every service is unknown, nothing is offered, and the reason is told`, async (t) => {
    const { list, control } = await rig(t, docker ? { docker } : {})
    const dependencies = await list()
    assert.deepEqual(
      dependencies.map(({ id, state, health, statusText, problem, availableActions, containerName }: Record<string, unknown>) => [
        id,
        state,
        health,
        statusText,
        problem,
        availableActions,
        containerName
      ]),
      [
        ['whisper', 'unknown', 'none', text, text, [], 'flynn-whisper-server-1'],
        ['brave-search', 'unknown', 'none', text, text, [], 'brave-search'],
        ['searxng', 'unknown', 'none', text, text, [], 'searxng']
      ]
    )
    const refused = await rejection(control('whisper', 'start'))
    assert.equal(refused.code, -2)
    assert.ok(refused.message.includes(text), refused.message)
  })
}

test('a docker that hangs is given up, and holds up nobody else', async (t) => {
  const { listing, client, called } = await rig(t, { docker: { config: CONFIG }, hang: ['config'] })
  const listed = listing()
  await called('config')
  assert.ok((await client.call('system.info')).version)
  assert.equal((await listed).dependencies[0].statusText, 'docker did not answer in time')
})

test('a docker that prints without end is stopped', async (t) => {
  const { list } = await rig(t, { docker: { config: CONFIG }, chatty: ['ps'] })
  assert.deepEqual(
    (await list()).map(({ statusText }: { statusText: string }) => statusText),
    Array(3).fill('docker printed too much')
  )
})

test('where a variable that must be set is missing, the services are known all the same', async (t) => {
  const { list } = await rig(t, {
    docker: { config: 'required variable TAG is missing a value', raw: CONFIG, containers: CONTAINERS }
  })
  assert.equal((await list())[0].state, 'running')
})

test('a file that nobody can read is told, without what is in it', async (t) => {
  const { listing, control } = await rig(t, { docker: { config: 'yaml: line 2: hunter2' } }, {}, 'services: [hunter2')
  const { dependencies, problem } = await listing()
  assert.deepEqual(dependencies, [])
  assert.match(problem, /^docker compose failed with exit code 15; .*, and the compose file cannot be read without it$/)
  assert.match((await rejection(control('whisper', 'stop'))).message, /is not known; there are: docker compose failed/)
})

test('what compose prints beside names and images does not leave it', async (t) => {
  const { list } = await rig(t, { docker: { config: CONFIG, containers: CONTAINERS } })
  assert.doesNotMatch(JSON.stringify(await list()), /secret-of-whisper/)
})

test('a hundred clients who ask at once are one look, and the file is read again once it has changed', async (t) => {
  const { url, calls, go, set, composeFile, list } = await rig(t, {
    docker: { config: CONFIG, containers: CONTAINERS },
    hold: ['config']
  })
  const clients = await Promise.all(Array.from({ length: 100 }, () => connect(t, url)))
  const asked = clients.map((client) => client.call('system.dockerDependencies'))
  await Promise.all(clients.map((client) => client.call('system.info')))
  await go()
  for (const { dependencies } of await Promise.all(asked)) assert.equal(dependencies.length, 3)
  assert.equal((await calls()).length, 2)
  await set({ docker: { config: { services: { other: { image: 'other' } } } } })
  await writeFile(composeFile, 'services: { other: { image: other } }')
  await t.waitFor(async () => assert.equal((await list())[0].id, 'other'), { timeout: 5000 })
})
