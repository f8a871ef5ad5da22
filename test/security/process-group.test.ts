import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import test from 'node:test'
import { promisify } from 'node:util'
import { ProcessGroup } from '../../security/process-group.ts'
import { rejection } from '../helper.ts'

const env = { PATH: process.env.PATH }
const stdio = ['ignore', 'pipe', 'ignore'] as const

test('a program sees the given environment and nothing else', async () => {
  const group = await ProcessGroup.start('/usr/bin/env', [], { env: { ONLY: 'this' }, stdio })
  assert.equal(await text(group.stdout), 'ONLY=this\n')
  assert.deepEqual(await group.closed, { code: 0, signal: null })
})

test('a program that is missing is an error with its code', async () => {
  const failure = await rejection(ProcessGroup.start('/nowhere', [], { env, stdio }))
  assert.equal(failure.code, 'ENOENT')
})

// Both wait for the pipe, which the background process holds open until it dies.
const patient = { env, stdio, drainMs: 600_000 }

test('kill reaches every process of the group', async () => {
  const group = await ProcessGroup.start('/bin/sh', ['-c', 'sleep 600 & echo ready; wait'], patient)
  await once(group.stdout, 'data')
  group.kill()
  assert.deepEqual(await group.closed, { code: null, signal: 'SIGKILL' })
})

test('a program that ends takes its background processes with it', async () => {
  const group = await ProcessGroup.start('/bin/sh', ['-c', 'sleep 600 & echo ready'], patient)
  assert.equal(await text(group.stdout), 'ready\n')
  assert.deepEqual(await group.closed, { code: 0, signal: null })
})

test('a process without free descriptors gets an error and lives on', async () => {
  const program = `
    import { closeSync, openSync } from 'node:fs'
    import { ProcessGroup } from ${JSON.stringify(import.meta.resolve('../../security/process-group.ts'))}
    const start = () => ProcessGroup.start('/bin/true', [], { env: {}, stdio: ['pipe', 'pipe', 'pipe'] })
    const held = []
    try { for (;;) held.push(openSync('/dev/null')) } catch {}
    const failed = await start().then(() => 'started', (error) => error.code)
    for (const fd of held) closeSync(fd)
    console.log(failed, (await (await start()).closed).code)`
  const command = `ulimit -n 64; exec "${process.execPath}" --input-type=module -e "$1"`
  const { stdout } = await promisify(execFile)('/bin/sh', ['-c', command, 'sh', program])
  assert.equal(stdout, 'EMFILE 0\n')
})
