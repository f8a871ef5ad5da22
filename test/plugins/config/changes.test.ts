import assert from 'node:assert/strict'
import test from 'node:test'
import { changeTo } from '../../../plugins/config/changes.ts'
import type { ConfigInput } from '../../../plugins/config/index.ts'
import { resolveConfig } from '../../../plugins/config/parse/load.ts'

function change(before: ConfigInput, after: ConfigInput) {
  return changeTo(resolveConfig(before), resolveConfig(after))
}

test('the same configuration is no change, and stays the same object', () => {
  const input: ConfigInput = { server: { token: 'a' }, models: { default: { offline: {} } } }
  const running = resolveConfig(input)
  const { config, changed, restartRequired } = changeTo(running, resolveConfig(input))
  assert.equal(config, running)
  assert.deepEqual([changed, restartRequired], [[], []])
})

test('what changes is named by its path in the file, and everything else stays the same object', () => {
  const running = resolveConfig({ models: { default: { offline: {} } } })
  const { config, changed } = changeTo(
    running,
    resolveConfig({
      server: {
        token: 'a',
        auth_http: false,
        tokens: [{ name: 'n', token: 't', scopes: ['read'] }],
        nodes: { location: { enabled: true } }
      },
      models: { default: { offline: {} } },
      agent: { max_steps: 3 }
    })
  )
  assert.deepEqual(changed, [
    'server.token',
    'server.tokens',
    'server.auth_http',
    'server.nodes.location.enabled',
    'agent.max_steps'
  ])
  assert.equal(config.models, running.models)
  assert.equal(config.lanes, running.lanes)
  assert.notEqual(config.server, running.server)
  assert.ok(Object.isFrozen(config) && Object.isFrozen(config.server) && Object.isFrozen(config.server.nodes))
})

test('what needs a restart keeps its running value until then, and is named apart', () => {
  const running = { server: { port: 1, token: 'a' }, data_dir: '/a' }
  const { config, changed, restartRequired } = change(running, {
    server: { port: 2, token: 'b', tls: { cert: '/c', key: '/k' }, secret_key: `${'A'.repeat(43)}=` },
    data_dir: '/b',
    tools: { shell: { enabled: true } }
  })
  assert.deepEqual(changed, ['server.token'])
  assert.deepEqual(restartRequired, ['server.port', 'server.secret_key', 'server.tls', 'data_dir', 'tools.shell.enabled'])
  assert.deepEqual([config.server.port, config.server.token, config.server.tls, config.dataDir], [1, 'b', undefined, '/a'])
  assert.equal(config.tools.shell.enabled, false)
})

test('of records the entry that changed is named, whatever it is called', () => {
  const model = (model: string) => ({ ollama: { model } })
  const { config, changed } = change(
    { models: { default: model('a'), old: model('a'), same: model('a') } },
    { models: { default: model('b'), toString: model('a'), same: model('a') } }
  )
  assert.deepEqual(changed, ['models.default.ollama.model', 'models.toString', 'models.old'])
  assert.deepEqual(Object.keys(config.models), ['default', 'toString', 'same'])
})

test('the order of the providers of a tier is a change', () => {
  const ollama = { model: 'a' }
  const { config, changed } = change(
    { models: { default: { ollama, offline: {} } } },
    { models: { default: { offline: {}, ollama } } }
  )
  assert.deepEqual(changed, ['models.default'])
  assert.deepEqual(Object.keys(config.models.default ?? {}), ['offline', 'ollama'])
})
