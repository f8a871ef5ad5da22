import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import test, { type TestContext } from 'node:test'
import { MAX_RUNNING, MAX_WAITING, Programs } from '../../../plugins/programs/programs.ts'
import { build, rejection } from '../../helper.ts'
import type { Machine } from '../../programs/machine.ts'
import { stubPrograms } from '../../programs/stubs.ts'

async function rig(t: TestContext, machine: Machine) {
  const stubs = await stubPrograms(t, machine)
  const programs = new Programs({ ...process.env, PATH: stubs.folder, FLYNN_TOKEN: 'secret-of-the-gateway' })
  t.after(() => programs.close())
  return { ...stubs, programs }
}

/** Whether the process has ended; one that init has not looked after yet has. */
function gone(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return true
  }
  const file = `/proc/${pid}/stat`
  return existsSync(file) && /^\d+ \(.*\) [ZX]/s.test(readFileSync(file, 'utf8'))
}

test('a program ends with its code and what it has printed', async (t) => {
  const { programs } = await rig(t, { journalctl: { stdout: 'entry ä\n', stderr: 'a warning', code: 3 } })
  assert.deepEqual(await programs.run('journalctl', []), {
    code: 3,
    stdout: 'entry ä\n',
    stderr: 'a warning\n',
    truncated: false,
    timedOut: false,
    missing: false
  })
})

test('arguments arrive as they are: there is no shell', async (t) => {
  const { programs, calls, folder } = await rig(t, { journalctl: {} })
  const args = ['$(touch pwned)', '; touch pwned', '*', 'two words', '"']
  await programs.run('journalctl', args)
  assert.deepEqual((await calls())[0]!.args, args)
  assert.equal(folder.includes('pwned'), false)
})

test('a program sees nothing of the environment that could be a secret, and speaks plain English', async (t) => {
  const { programs, calls, folder } = await rig(t, { journalctl: {} })
  await programs.run('journalctl', [])
  const { env } = (await calls())[0]!
  assert.deepEqual([env.PATH, env.LANG, env.LC_ALL, env.SYSTEMD_COLORS], [folder, 'C', 'C', '0'])
  assert.equal(env.FLYNN_TOKEN, undefined)
  assert.match(env.XDG_RUNTIME_DIR ?? '', /^\//)
})

test('a program that is not there is told apart, as is one that may not be executed', async (t) => {
  const { programs, folder } = await rig(t, { journalctl: {} })
  assert.equal((await programs.run('docker', ['ps'])).missing, true)
  await writeFile(path.join(folder, 'docker'), '#!/bin/sh\n')
  assert.equal((await programs.run('docker', ['ps'])).missing, true)
  await mkdir(path.join(folder, 'systemctl'))
  assert.equal((await programs.run('systemctl', [])).missing, true)
  await chmod(path.join(folder, 'docker'), 0o755)
  assert.deepEqual(await programs.run('docker', ['ps']), {
    code: 0,
    stdout: '',
    stderr: '',
    truncated: false,
    timedOut: false,
    missing: false
  })
})

test('a script whose interpreter is not there counts as missing', async (t) => {
  const { programs, folder } = await rig(t, {})
  await writeFile(path.join(folder, 'docker'), '#!/nowhere/interpreter\n', { mode: 0o755 })
  assert.equal((await programs.run('docker', [])).missing, true)
})

test('folders of PATH that are not absolute are not looked into', async (t) => {
  const { programs, folder } = await rig(t, { docker: {} })
  programs.environment.PATH = `:.:${path.relative(process.cwd(), folder)}`
  assert.equal((await programs.run('docker', [])).missing, true)
})

test('a program that hangs is killed at its limit, with what it has started and whatever signals they ignore', async (t) => {
  const { programs, called } = await rig(t, { systemctl: {}, hang: ['show'] })
  const run = programs.run('systemctl', ['show'], { timeoutMs: 1500 })
  const { pid, child } = await called('show')
  const { code, timedOut } = await run
  assert.deepEqual([code, timedOut], [null, true])
  assert.ok(gone(pid), 'the program')
  await t.waitFor(() => assert.ok(gone(child!), 'what it has started'))
})

test('a program that prints without end is killed at its limit', async (t) => {
  const { programs, calls } = await rig(t, { systemctl: {}, chatty: ['show'] })
  const { stdout, truncated, timedOut } = await programs.run('systemctl', ['show'], { maxBytes: 10_000 })
  assert.deepEqual([stdout.length, truncated, timedOut], [10_000, true, false])
  assert.ok(gone((await calls())[0]!.pid))
})

test('what was cut off does not end in half a character', async (t) => {
  const { programs } = await rig(t, { journalctl: { stdout: 'ää' } })
  const { stdout, truncated } = await programs.run('journalctl', [], { maxBytes: 3 })
  assert.deepEqual([stdout, truncated], ['ä', true])
})

test('the signal of the caller kills the program', async (t) => {
  const { programs, called } = await rig(t, { systemctl: {}, hang: ['show'] })
  const controller = new AbortController()
  const run = rejection(programs.run('systemctl', ['show'], { signal: controller.signal }))
  const { pid } = await called('show')
  controller.abort(new Error('no longer wanted'))
  assert.equal((await run).message, 'no longer wanted')
  assert.ok(gone(pid))
})

test('programs run side by side up to a number; more wait, and more than that are refused', async (t) => {
  const { programs, calls, go, called } = await rig(t, { systemctl: {}, hold: ['systemctl'] })
  const runs = Array.from({ length: MAX_RUNNING + MAX_WAITING }, (_, index) =>
    programs.run('systemctl', ['show', `n${index}`], index > MAX_RUNNING + 1 ? { signal: t.signal } : {})
  )
  await assert.rejects(programs.run('systemctl', ['show']), /waiting already/)
  await called(`n${MAX_RUNNING - 1}`)
  assert.ok((await calls()).length <= MAX_RUNNING)
  programs.close()
  const outcomes = await Promise.allSettled(runs)
  assert.ok(outcomes.every(({ status }) => status === 'rejected'))
  assert.ok((await calls()).length <= MAX_RUNNING)
  await go()
})

test('whoever waits has their turn when another run ends, and may stop waiting', async (t) => {
  const { programs, go, called } = await rig(t, { systemctl: {}, hold: ['systemctl'] })
  const running = Array.from({ length: MAX_RUNNING }, (_, index) => programs.run('systemctl', ['stop', `n${index}`]))
  const controller = new AbortController()
  const given = rejection(programs.run('systemctl', ['show', 'given-up'], { signal: controller.signal }))
  const last = programs.run('systemctl', ['show', 'last'])
  controller.abort(new Error('enough'))
  assert.equal((await given).message, 'enough')
  await called('n0')
  await go()
  await Promise.all(running)
  assert.equal((await last).code, 1)
  assert.equal((await called('last')).program, 'systemctl')
})

test('closing the gateway kills what runs and refuses what comes', async (t) => {
  const { plugin, called } = await stubPrograms(t, { systemctl: {}, hang: ['show'] })
  const { host, app } = await build(t, { plugins: [plugin] })
  const run = rejection(app.programs.run('systemctl', ['show', 'mine'], { timeoutMs: 60_000 }))
  const { pid } = await called('mine')
  await host.close()
  assert.match((await run).message, /shutting down/)
  assert.ok(gone(pid))
  await assert.rejects(app.programs.run('systemctl', []), /shutting down/)
})
