import assert from 'node:assert/strict'
import test from 'node:test'
import type { Backend } from '../../../plugins/backends/index.ts'
import type { Dependency } from '../../../plugins/docker/index.ts'
import { backendSource, dependencySource, startedBy, upSeconds } from '../../../plugins/observability/sources.ts'

const BACKEND: Backend = {
  id: 'ollama',
  provider: 'ollama',
  name: 'Ollama',
  unit: 'ollama.service',
  scope: 'system',
  configured: true,
  loadState: 'loaded',
  activeState: 'active',
  subState: 'running',
  unitFileState: 'enabled',
  description: '',
  pid: 7,
  result: 'success',
  statusText: '',
  availableActions: []
}
const DEPENDENCY: Dependency = {
  id: 'web',
  name: 'Web',
  service: 'web',
  configured: true,
  state: 'running',
  health: 'none',
  statusText: 'Up 2 minutes',
  containerName: 'flynn-web-1',
  availableActions: []
}

test('a unit is in one of five states, whatever systemd calls it', () => {
  const state = (more: Partial<Backend>) => backendSource({ ...BACKEND, ...more }).status
  for (const [activeState, status] of [
    ['active', 'running'],
    ['reloading', 'running'],
    ['activating', 'starting'],
    ['deactivating', 'stopped'],
    ['inactive', 'stopped'],
    ['failed', 'failed'],
    ['unknown', 'unknown'],
    ['something new', 'unknown']
  ] as const)
    assert.equal(state({ activeState }), status, activeState)
  assert.equal(state({ loadState: 'not-found', activeState: 'inactive', scope: null }), 'stopped')
  assert.equal(state({ loadState: 'not-found', activeState: 'unknown', scope: null, problem: 'no systemd' }), 'unknown')
})

test('a container is in one of five states, and one that was stopped has not failed', () => {
  const state = (more: Partial<Dependency>) => dependencySource({ ...DEPENDENCY, ...more }).status
  for (const [container, statusText, status] of [
    ['running', 'Up 2 minutes', 'running'],
    ['restarting', 'Restarting (1) 2 seconds ago', 'starting'],
    ['exited', 'Exited (0) 2 minutes ago', 'stopped'],
    ['exited', 'Exited (143) 2 minutes ago', 'stopped'],
    ['exited', 'Exited (137) 2 minutes ago', 'stopped'],
    ['exited', 'Exited (1) 2 minutes ago', 'failed'],
    ['dead', 'Dead', 'failed'],
    ['not_created', 'Not created', 'stopped'],
    ['paused', 'Up 2 minutes (Paused)', 'stopped'],
    ['unknown', 'why', 'unknown']
  ] as const)
    assert.equal(state({ state: container, statusText }), status, statusText)
  const health = (health: Dependency['health']) => dependencySource({ ...DEPENDENCY, health }).healthCode
  assert.deepEqual([health('none'), health('starting'), health('unhealthy'), health('healthy')], [0, 0, 1, 2])
})

test('how long a container is up is read as Docker tells it', () => {
  for (const [text, seconds] of [
    ['Up Less than a second', 0],
    ['Up 1 second', 1],
    ['Up 59 seconds (healthy)', 59],
    ['Up About a minute', 60],
    ['Up 4 minutes (health: starting)', 240],
    ['Up About an hour (unhealthy)', 3600],
    ['Up 2 days', 172_800],
    ['Up 3 weeks', 1_814_400],
    ['Exited (0) 2 minutes ago', undefined],
    ['Upper 2 minutes', undefined],
    ['', undefined]
  ] as const)
    assert.equal(upSeconds(text), seconds, text)
})

test('a process that nobody manages says so, and so does one whose parent systemd has started', async () => {
  assert.equal(await startedBy({}, 7), 'process')
  assert.equal(await startedBy({ SYSTEMD_EXEC_PID: '6' }, 7), 'process')
  assert.match(await startedBy({ SYSTEMD_EXEC_PID: '7' }, 7), /^systemd_(?:system|user)$/)
})
