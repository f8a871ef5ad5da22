import assert from 'node:assert/strict'
import test from 'node:test'
import { gatewayPlugin } from '../../../plugins/define.ts'
import { Doctor } from '../../../plugins/doctor/doctor.ts'
import { Masker } from '../../../security/masking/masker.ts'
import { build, connect, hold } from '../../helper.ts'

test('system.doctor shows the findings of plugins', async (t) => {
  const plugin = gatewayPlugin({ name: 'weather', dependencies: ['doctor'] }, async (app) => {
    app.doctor.check({ name: 'weather', run: async () => ({ status: 'warn', message: 'no key', fix: 'set weather.key' }) })
  })
  const { url } = await build(t, { plugins: [plugin] })
  const { findings } = await (await connect(t, url)).call('system.doctor')
  assert.deepEqual(
    findings.filter(({ check }: { check: string }) => check === 'weather'),
    [{ check: 'weather', status: 'warn', message: 'no key', fix: 'set weather.key' }]
  )
})

test('a check that rejects or hangs is a failed finding', async (t) => {
  hold(t)
  const doctor = new Doctor({ masker: () => new Masker(['s3cret-value-1']), timeoutMs: 1 })
  doctor.check({ name: 'broken', run: () => Promise.reject(new Error('key s3cret-value-1 refused')) })
  doctor.check({ name: 'stuck', run: () => new Promise(() => {}) })
  doctor.check({ name: 'fine', run: async () => ({ status: 'pass', message: 'ok' }) })
  const [broken, stuck, fine] = await doctor.run()
  assert.equal(broken?.status, 'fail')
  assert.doesNotMatch(broken!.message, /s3cret-value-1/)
  assert.deepEqual(stuck, { check: 'stuck', status: 'fail', message: 'no result within 0.001 s' })
  assert.equal(fine?.status, 'pass')
})

test('a duplicate check stops the start', () => {
  const doctor = new Doctor({ masker: () => new Masker() })
  const check = { name: 'same', run: async () => ({ status: 'pass' as const, message: '' }) }
  doctor.check(check)
  assert.throws(() => doctor.check(check), /'same' is already registered/)
})
