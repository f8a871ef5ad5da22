import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import type { ToolOutput } from '../../../plugins/tools/define.ts'
import { type Frame, rejection, scratch } from '../../helper.ts'
import { program, type Rig, rig } from './fixtures.ts'

const GONE = { output: 'gone', attachments: [] }

async function failure({ call }: Rig, name = 'go'): Promise<string> {
  return (await rejection(call(name))).message
}

test('a program that cannot be started is tried again later and later', async (t) => {
  let now = 0
  const { server, journal } = rig(t, { command: '/nowhere/at/all' }, { now: () => now })
  const attempts = (): number => journal.entries.filter(({ message }) => message === 'MCP server is not running').length
  const retries: unknown[] = []
  for (let expected = 1; expected <= 5; expected++) {
    assert.deepEqual(await server.tools(), [])
    assert.equal(attempts(), expected)
    const { reason, retryInMs } = journal.entries.at(-1)!.data as Frame
    assert.equal(reason, 'its command or working folder cannot be used (ENOENT)')
    retries.push(retryInMs)
    // Not before its time.
    if (retryInMs > 0) now += retryInMs - 1
    if (retryInMs > 0) await server.tools()
    assert.equal(attempts(), expected)
    now += 1
  }
  assert.deepEqual(retries, [0, 1000, 2000, 4000, 8000])
})

test('an odd tool or an unknown content does not lose the others', async (t) => {
  const { server, call } = rig(t, program('hostile.ts', 'odd'))
  assert.deepEqual(
    (await server.tools()).map(({ name, inputSchema }) => [name, inputSchema]),
    ['example.bare', 'example.go'].map((name) => [name, { type: 'object' }])
  )
  const output = "[content of the type 'hologram' is left out: it cannot be shown]\ngone"
  assert.deepEqual(await call('go'), { output, attachments: [] })
})

test('a program that ends at its start is logged with its exit code and its last output, without secrets', async (t) => {
  const { server, journal } = rig(t, { ...program('hostile.ts', 'crash'), env: { KEY: 'canary-of-the-environment' } })
  assert.deepEqual(await server.tools(), [])
  const { data } = await journal.entry('not running')
  assert.deepEqual([data.reason, data.stderr], ['it ended with exit code 3', ['no configuration: ***']])
  assert.equal((await journal.entry('no configuration')).level, 'debug')
  const { log, ...status } = server.status()
  const reason = 'it ended with exit code 3'
  assert.deepEqual(status, { id: 'mcp:example', name: 'example', state: 'down', reason, restarts: 0 })
  assert.deepEqual(
    log.map(({ text }) => text),
    ['no configuration: ***']
  )
  assert.ok(!JSON.stringify(journal.entries).includes('canary'))
})

test('a program that dies during a call runs again for the next one', async (t) => {
  const server = rig(t, program('hostile.ts', 'crash-call'))
  assert.equal(await failure(server), "MCP server 'example' failed: it ended with exit code 7")
  await server.journal.entry('exit code 7')
  // Known, although the server is down.
  assert.deepEqual(
    (await server.server.tools()).map(({ name }) => name),
    ['example.go']
  )
  assert.equal(await failure(server), "MCP server 'example' failed: it ended with exit code 7")
  // It dies too often by now.
  assert.match(await failure(server), /^MCP server 'example' is not running: it ended with exit code 7; next attempt in 1 s$/)
})

test('callers wait for a silent server for a bounded time', async (t) => {
  const { server, journal } = rig(t, program('hostile.ts', 'silent'), { limits: { patienceMs: 1, startMs: 300 } })
  assert.deepEqual(await server.tools(), [])
  assert.deepEqual(journal.entries, [])
  assert.equal((await journal.entry('not running')).data.reason, 'it was not ready within 0.3 seconds')
})

test('a program that ignores SIGTERM is killed with its children', async (t) => {
  // A pipe that ends when the last process that has it open is gone.
  const lifeline = join(await scratch(t), 'lifeline')
  execFileSync('mkfifo', [lifeline])
  const reader = createReadStream(lifeline, 'utf8').resume()
  const dead = once(reader, 'end')
  const { server, journal } = rig(t, program('hostile.ts', 'stubborn', lifeline), { limits: { patienceMs: 1 } })
  await server.tools()
  await journal.entry('started')
  assert.equal(reader.readableEnded, false)
  await server.close()
  await dead
})

test('garbage on stdout is ignored', async (t) => {
  const { call } = rig(t, program('hostile.ts', 'garbage'))
  assert.deepEqual(await call('go'), GONE)
})

for (const [mode, reason] of [
  ['flood', 'it sent more than 10000 messages within 10 seconds'],
  ['long-line', 'it sent a message of more than 16777216 bytes']
] as const) {
  test(`a ${mode} ends the server that sends it`, async (t) => {
    const server = rig(t, program('hostile.ts', mode))
    assert.equal(await failure(server), `MCP server 'example' failed: ${reason}`)
    assert.equal((await server.journal.entry('not running')).data.reason, reason)
  })
}

test('a server with a malformed list does not start', async (t) => {
  const { server, journal } = rig(t, program('hostile.ts', 'nonsense'))
  assert.deepEqual(await server.tools(), [])
  await journal.entry('not running')
})

test('an endless list ends after 512 tools, with descriptions cut', async (t) => {
  const { server, journal } = rig(t, program('hostile.ts', 'endless'))
  const tools = await server.tools()
  assert.equal(tools.length, 512)
  assert.ok(tools.every(({ description }) => description.length === 4096))
  assert.equal((await journal.entry('left out')).data.tools, 512)
})

test('a malformed answer fails the call and nothing else', async (t) => {
  const server = rig(t, program('hostile.ts', 'strange'))
  assert.match(await failure(server), /^MCP server 'example' failed: /)
  assert.equal(server.journal.entries.filter(({ level }) => level === 'warn' || level === 'error').length, 1)
})

test('calls that are not answered end by their deadline, and after four of them the server is started anew', async (t) => {
  const server = rig(t, program('hostile.ts', 'mute'), { limits: { callMs: 50 } })
  for (let n = 0; n < 4; n++) {
    assert.equal(await failure(server), "MCP server 'example' failed: it did not answer within 0.05 seconds")
  }
  assert.equal((await server.journal.entry('not running')).data.reason, 'it left 4 calls in a row unanswered')
})

test('a program that does not read is ended', async (t) => {
  const { tool, call } = rig(t, program('hostile.ts', 'deaf'))
  await tool('go')
  const calls = Array.from({ length: 20 }, () => rejection(call('go', { text: 'x'.repeat(1024 * 1024) })))
  const reason = 'it does not read what it is sent'
  for (const { message } of await Promise.all(calls)) assert.equal(message, `MCP server 'example' failed: ${reason}`)
})

test('stderr of a server reaches the log cut, cleaned and bounded', async (t) => {
  const { call, server, journal } = rig(t, program('hostile.ts', 'talkative'))
  assert.deepEqual((await call('go')) as ToolOutput, GONE)
  await server.close()
  const lines = journal.entries.filter(({ data }) => typeof data.stderr === 'string').map(({ data }) => String(data.stderr))
  assert.ok(lines[0]?.startsWith('line 0'))
  assert.ok(!lines.join('').includes('\u001b'))
  assert.ok(lines.length >= 51 && lines.length < 1000, `${lines.length} lines`)
})
