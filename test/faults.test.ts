import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import test, { type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { connect, type Frame, rejection, scratch, type TestClient } from './helper.ts'
import type { Call, Code, Fault, Order } from './inject-faults.ts'
import { SERVER } from './program.ts'

/** Rounds after which an operation would not be one of a few calls. */
const MOST_CALLS = 60
const CODES: readonly Code[] = ['EMFILE', 'ENOMEM', 'EAGAIN']

test('a gateway under faults of its machine', { timeout: 60_000 }, async (t) => {
  const gateway = await up(t)
  await t.test('no spawn, open or accept that fails ends it', (t) => failInTurn(t, gateway))
  await t.test('a full disk refuses messages, is not ready, and recovers', (t) => fillDisk(t, gateway))
  await t.test('a clock that jumps neither ends, delays nor loses a message', (t) => jump(t, gateway))
  await t.test('a stopped process goes on with its connections and runs', (t) => halt(t, gateway))
  await t.test('a database file that is deleted is not ready, and is logged', () => deleteFile(gateway))
  await gateway.stop()
})

async function failInTurn(t: TestContext, gateway: Gateway): Promise<void> {
  const client = await connect(t, gateway.url)
  const tool = (name: string, args: object) => ['tools.execute', { sessionId: 'ws:faults', tool: name, args }] as const
  const methods: ReadonlyArray<readonly [Call, string, Frame?]> = [
    ['spawn', 'system.localBackends'],
    ['spawn', 'system.dockerDependencies'],
    ['spawn', 'system.serviceLogs', { sourceId: 'systemd:ollama' }],
    ['spawn', ...tool('shell.exec', { command: 'true' })],
    ['open', ...tool('shell.exec', { command: 'true' })],
    ['open', ...tool('file.write', { path: 'a/b.txt', content: 'text' })],
    ['open', ...tool('file.read', { path: 'a/b.txt' })],
    ['open', ...tool('file.list', {})],
    ['open', 'system.dockerDependencies'],
    ['open', 'config.reload'],
    ['open', 'system.doctor'],
    ['open', 'sessions.delete', { sessionId: 'ws:faults' }]
  ]
  const failures: Record<Call, number> = { spawn: 0, open: 0, accept: 0 }
  for (const code of CODES) {
    for (const [call, method, params] of methods) {
      failures[call] += await inTurn(gateway, { call, code }, async () => {
        const frame = await client.final(client.start(method, params))
        assert.ok('result' in frame || typeof frame.error.code === 'number')
        // A program of the machine that cannot be started is a state of the machine, not an error of the gateway.
        if (call === 'spawn' && method.startsWith('system.')) assert.ok(frame.result, JSON.stringify(frame))
      })
    }
    for (const path of ['/metrics', '/ready', '/']) {
      const ask = () => fetch(`${gateway.url}${path}`, { headers: { connection: 'close' } }).then((response) => response.text())
      failures.open += await inTurn(gateway, { call: 'open', code }, ask)
      failures.accept += await inTurn(gateway, { call: 'accept', code }, () => ask().catch(() => {}))
    }
  }
  t.diagnostic(`failed: ${JSON.stringify(failures)}`)
  // Reports of the machine are kept for a moment, so that not every operation starts a program each time.
  assert.ok(failures.spawn >= CODES.length && failures.open >= 6 * CODES.length && failures.accept >= 3 * CODES.length)

  for (const [, method, params] of methods) await works(client, method, params)
  assert.equal((await fetch(`${gateway.url}/health`)).status, 200)
}

async function fillDisk(t: TestContext, gateway: Gateway): Promise<void> {
  const client = await connect(t, gateway.url)
  const large = { sessionId: 'ws:disk', message: 'x'.repeat(100_000) }
  const small = { sessionId: 'ws:disk', message: 'say hello' }
  assert.ok((await client.call('agent.send', small)).content)
  await gateway.order({ full: true })
  assert.equal((await rejection(client.call('agent.send', large))).code, 5)
  await ready(gateway, 503)
  await gateway.order({ full: false })
  await ready(gateway, 200)
  assert.ok((await client.call('agent.send', small)).content)
  const { history } = await client.call('sessions.get', { sessionId: 'ws:disk' })
  assert.ok(
    history.every(({ content }: Frame) => content !== large.message),
    'what was refused is not stored'
  )
}

/** Waits until a probe answers like that: one probe serves a second. */
async function ready({ url }: Gateway, status: number): Promise<void> {
  while ((await fetch(`${url}/ready`)).status !== status) await setTimeout(100)
}

const DAY_MS = 24 * 60 * 60 * 1000

async function jump(t: TestContext, gateway: Gateway): Promise<void> {
  const client = await connect(t, gateway.url)
  const send = (message: string) => client.call('agent.send', { sessionId: 'ws:clock', message, queueMode: 'collect' })
  for (const clockMs of [DAY_MS, -DAY_MS, 0]) {
    const slow = ['before', 'waits'].map((text) => send(`say ${text} ${clockMs}`))
    await gateway.order({ clockMs })
    const answers = await Promise.all([...slow, send(`say after ${clockMs}`)])
    assert.ok(answers.every(({ content }) => content !== ''))
  }
  const { history } = await client.call('sessions.get', { sessionId: 'ws:clock' })
  assert.equal(history.filter(({ role }: Frame) => role === 'user').length, 9)
}

async function halt(t: TestContext, gateway: Gateway): Promise<void> {
  const client = await connect(t, gateway.url)
  const id = client.start('agent.send', { sessionId: 'ws:halt', message: `say ${'a long answer '.repeat(200)}` })
  await client.frame((frame) => frame.id === id && frame.event === 'content')
  gateway.signal('SIGSTOP')
  // What arrives while it is stopped waits in the sockets.
  const other = client.start('system.info')
  const newcomer = fetch(`${gateway.url}/health`)
  await setTimeout(300)
  gateway.signal('SIGCONT')
  assert.ok((await client.final(other)).result)
  assert.equal((await newcomer).status, 200)
  assert.ok((await client.final(id)).result.content)
}

async function deleteFile(gateway: Gateway): Promise<void> {
  await unlink(join(gateway.folder, 'data', 'flynn.db'))
  await ready(gateway, 503)
  // The line may arrive after the answer.
  while (!gateway.log().includes('was deleted while the gateway uses it')) await setTimeout(20)
}

/** Repeats an operation while its first, second, third … call fails, until it makes fewer. Resolves with the number of failures. */
async function inTurn(gateway: Gateway, fault: Omit<Fault, 'nth'>, operation: () => Promise<unknown>): Promise<number> {
  for (let nth = 1; nth < MOST_CALLS; nth++) {
    await gateway.order({ fault: { ...fault, nth } })
    await Promise.race([operation(), gateway.ended])
    if (!(await gateway.order({ fault: null }))) return nth - 1
  }
  assert.fail(`${fault.call} was called more than ${MOST_CALLS} times`)
}

async function works(client: TestClient, method: string, params?: Frame): Promise<void> {
  const frame = await client.final(client.start(method, params))
  assert.ok('result' in frame, `${method}: ${JSON.stringify(frame)}`)
}

interface Gateway {
  readonly url: string
  readonly folder: string
  /** Newest lines of its output. */
  log(): string
  /** Rejects with the end of its log when the program ends. */
  readonly ended: Promise<never>
  /** Gives an order. Resolves with true when the fault before it has happened. */
  order(order: Order): Promise<boolean>
  signal(signal: NodeJS.Signals): void
  stop(): Promise<void>
}

/** The program with the faults loaded, and programs of its machine that end at once. */
async function up(t: TestContext): Promise<Gateway> {
  const cwd = await scratch(t)
  const programs = join(cwd, 'bin')
  await mkdir(programs)
  for (const name of ['systemctl', 'journalctl', 'docker']) {
    await writeFile(join(programs, name), '#!/bin/sh\nexit 1\n')
    await chmod(join(programs, name), 0o755)
  }
  await writeFile(join(cwd, 'compose.yaml'), 'services:\n  db: { image: postgres }\n')
  await writeFile(
    join(cwd, 'flynn.yaml'),
    'server: { port: 0 }\ntools: { shell: { enabled: true }, mcp: { ends: { command: /bin/false } } }\nobservability: { sample_seconds: 5 }\n'
  )
  const child = spawn(process.execPath, ['--import', new URL('./inject-faults.ts', import.meta.url).href, SERVER], {
    cwd,
    env: { PATH: programs },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc']
  })
  t.after(() => child.kill('SIGKILL'))
  const opened = Promise.withResolvers<string>()
  const lines: string[] = []
  for (const output of [child.stdout!, child.stderr!]) {
    createInterface(output).on('line', (line) => {
      const url = /Flynn gateway on (http:\/\/[\w.:]+)/.exec(line)?.[1]
      if (url) opened.resolve(url)
      if (lines.push(line) > 20) lines.shift()
    })
  }
  const log = () => `\n${lines.join('\n')}`
  const ended = once(child, 'exit').then(([code]) => assert.fail(`the gateway ended with ${code}: ${log()}`))
  ended.catch(() => {})
  const url = await Promise.race([opened.promise, ended])
  return {
    url,
    folder: cwd,
    log,
    ended,
    signal: (signal) => void child.kill(signal),
    order: async (order) => {
      const answer = once(child, 'message')
      child.send(order)
      const [{ happened }] = await Promise.race([answer, ended])
      return happened
    },
    stop: async () => {
      const exit = once(child, 'exit')
      child.kill('SIGTERM')
      assert.equal((await exit)[0], 0, log())
    }
  }
}
