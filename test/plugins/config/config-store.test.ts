import assert from 'node:assert/strict'
import test from 'node:test'
import { type Attempt, ConfigStore, MAX_WAITING } from '../../../plugins/config/config-store.ts'
import { ConfigError, type ConfigInput } from '../../../plugins/config/index.ts'
import { resolveConfig } from '../../../plugins/config/parse/load.ts'
import { rejection } from '../../helper.ts'

/** ConfigStore whose source is what `next` returns. */
function rig(before: ConfigInput, next: () => ConfigInput | Promise<ConfigInput>) {
  const errors: unknown[] = []
  const attempts: Attempt[] = []
  const settings = new ConfigStore({
    config: resolveConfig(before),
    read: async () => resolveConfig(await next()),
    log: { error: (detail: unknown) => void errors.push(detail) },
    reloaded: (attempt) => void attempts.push(attempt)
  })
  return { settings, errors, attempts }
}

const steps = (max_steps: number): ConfigInput => ({ agent: { max_steps } })

test('a reload puts what it has read in force, and tells what has changed, and who wanted it', async () => {
  const { settings, attempts } = rig(steps(1), () => ({ agent: { max_steps: 2 }, server: { port: 7 } }))
  const seen: number[][] = []
  settings.onChange((current, previous) =>
    seen.push([previous.agent.maxSteps, current.agent.maxSteps, settings.current.agent.maxSteps])
  )
  const told = await settings.reload('token:ops')
  assert.deepEqual(told, { changed: ['agent.max_steps'], restartRequired: ['server.port'] })
  assert.deepEqual(seen, [[1, 2, 2]])
  assert.equal(settings.current.server.port, 18800)
  assert.deepEqual(attempts, [{ actor: 'token:ops', ...told }])
})

test('an invalid configuration changes nothing and shows no secret', async () => {
  const { settings, attempts } = rig({ server: { token: 'a secret "quoted"' } }, () => {
    throw new ConfigError([
      'flynn.yaml:1:2 log.level must be x, got "a secret \\"quoted\\""',
      ...Array.from({ length: 30 }, (_, n) => `${n}`)
    ])
  })
  const before = settings.current
  settings.onChange(() => assert.fail('nothing changes'))
  const { kind, message, data } = await rejection(settings.reload('x'))
  assert.equal(kind, 'InvalidRequest')
  assert.match(message, /nothing was changed:\n {2}flynn\.yaml:1:2 log\.level must be x, got "\*\*\*"\n {2}0\n/)
  assert.match(message, /\n {2}and 11 more$/)
  assert.equal(data.problems.length, 20)
  assert.equal(settings.current, before)
  assert.ok('refused' in attempts[0]!)
})

test('a part that cannot work with it refuses it for all: what was prepared is discarded', async () => {
  const { settings } = rig(steps(1), () => steps(2))
  const calls: string[] = []
  settings.onPrepare(() => ({ commit: () => calls.push('commit'), discard: () => calls.push('discard') }))
  settings.onPrepare(async () => {
    throw new Error('models.default.x.api_key must be set')
  })
  const { kind, message } = await rejection(settings.reload('x'))
  assert.equal(kind, 'InvalidRequest')
  assert.match(message, /models\.default\.x\.api_key must be set/)
  assert.deepEqual(calls, ['discard'])
  assert.equal(settings.current.agent.maxSteps, 1)
})

test('prepared parts take effect with the configuration, before listeners run', async () => {
  const { settings } = rig(steps(1), () => steps(2))
  const calls: string[] = []
  settings.onPrepare((next) => ({ commit: () => calls.push(`commit ${next.agent.maxSteps}`) }))
  settings.onChange(() => calls.push('told'))
  await settings.reload('x')
  assert.deepEqual(calls, ['commit 2', 'told'])
})

test('a listener that throws is logged, and keeps nothing from the others', async () => {
  const { settings, errors } = rig(steps(1), () => steps(2))
  let told = 0
  settings.onChange(() => {
    throw new Error('mine')
  })
  settings.onChange(() => told++)
  await settings.reload('x')
  assert.equal(told, 1)
  assert.equal(errors.length, 1)
  assert.equal(settings.current.agent.maxSteps, 2)
})

test('two reloads at once happen one after the other, also when the first fails', async () => {
  const reads: PromiseWithResolvers<ConfigInput>[] = []
  const asked: PromiseWithResolvers<void>[] = [Promise.withResolvers(), Promise.withResolvers()]
  const { settings } = rig(steps(1), () => {
    const read = Promise.withResolvers<ConfigInput>()
    asked[reads.push(read) - 1]!.resolve()
    return read.promise
  })
  const first = rejection(settings.reload('a'))
  const second = settings.reload('b')
  await asked[0]!.promise
  assert.equal(reads.length, 1)
  reads[0]!.reject(new ConfigError(['no']))
  await first
  await asked[1]!.promise
  reads[1]!.resolve(steps(3))
  assert.deepEqual((await second).changed, ['agent.max_steps'])
})

test('values that wait for a restart are checked together with new ones', async () => {
  const { settings } = rig({ server: { host: '0.0.0.0', tailscale_identity: false } }, () => ({
    server: { host: '127.0.0.1', tailscale_identity: true }
  }))
  settings.onPrepare(({ server }) => {
    if (server.host === '0.0.0.0' && server.tailscaleIdentity) throw new Error('still exposed')
    return undefined
  })
  assert.match((await rejection(settings.reload('x'))).message, /still exposed/)
  assert.equal(settings.current.server.tailscaleIdentity, false)
})

test('a reload never turns the login off', async () => {
  const { settings } = rig({ server: { token: 'a', tokens: [{ name: 'b', token: 'b', scopes: ['read'] }] } }, () => ({
    log: { level: 'debug' }
  }))
  const { changed, restartRequired } = await settings.reload('x')
  assert.deepEqual([changed, restartRequired], [['log.level'], ['server.token', 'server.tokens']])
  assert.equal(settings.current.server.token, 'a')
  assert.equal(settings.current.server.tokens.length, 1)
})

test('what a host throws is not told to clients', async () => {
  const { settings } = rig(steps(1), () => {
    throw new Error('https://user:canary@host answered 500')
  })
  const { kind, message, cause } = await rejection(settings.reload('x'))
  assert.equal(kind, 'InternalError')
  assert.doesNotMatch(message, /canary/)
  assert.match(String(cause), /canary/)
})

test('a store without a reader refuses to reload', async () => {
  const settings = new ConfigStore({ config: resolveConfig({}), log: { error: () => {} } })
  const { kind, message } = await rejection(settings.reload('x'))
  assert.equal(kind, 'InvalidRequest')
  assert.match(message, /comes from the program that embeds it/)
})

test('too many waiting reloads are refused; the last one reads the newest file', async () => {
  const first = Promise.withResolvers<ConfigInput>()
  let reads = 0
  const { settings } = rig(steps(1), () => (reads++ === 0 ? first.promise : steps(reads)))
  const running = settings.reload('a')
  await Promise.resolve()
  const waiting = Array.from({ length: MAX_WAITING }, () => settings.reload('b'))
  const { kind, message, data } = await rejection(settings.reload('c'))
  assert.deepEqual([kind, data.retryAfterMs], ['AgentBusy', 1000])
  assert.match(message, /16 reloads are waiting/)
  first.resolve(steps(1))
  await Promise.all([running, ...waiting])
  assert.equal(settings.current.agent.maxSteps, MAX_WAITING + 1)
  await settings.reload('c')
})

test('a secret that is no longer in force is not shown either', async () => {
  let n = 0
  const { settings } = rig({ server: { token: 'token-number-0' } }, () => ({ server: { token: `token-number-${++n}` } }))
  await settings.reload('x')
  await settings.reload('x')
  assert.equal(
    settings.masker.mask('token-number-0 token-number-1 token-number-2 token-number-3').text,
    '*** *** *** token-number-3'
  )
})
