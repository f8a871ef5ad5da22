import assert from 'node:assert/strict'
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Cleanup } from './helper.ts'

export const SERVER = fileURLToPath(new URL('../server.ts', import.meta.url))

export type Child = ChildProcessByStdio<null, Readable, Readable>
export type Env = Record<string, string>

/** The program, in a folder of its own, knowing nothing of the environment of the tests. */
export function start(t: Cleanup, cwd: string, args: string[], env: Env = {}, program = SERVER): Child {
  const child = spawn(process.execPath, [program, ...args], {
    cwd,
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  t.after(() => child.kill('SIGKILL'))
  return child
}

export async function finish(child: Child) {
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  return { stdout, stderr, code: code as number | null }
}

export interface Running {
  readonly child: Child
  readonly url: string
  /** Lines of the log so far. */
  readonly log: string[]
  /** The first line of the log, already written or not, that has these words in it. */
  line(words: string): Promise<string>
}

/** Starts the gateway on a free port and waits until it says where it is. */
export async function up(t: Cleanup, cwd: string, args: string[] = ['--port', '0'], env: Env = {}): Promise<Running> {
  const child = start(t, cwd, args, env)
  const log: string[] = []
  const lines = createInterface(child.stdout)
  const errors = text(child.stderr)
  lines.on('line', (line) => log.push(line))
  const line = (words: string) =>
    new Promise<string>((resolve, reject) => {
      const known = log.find((entry) => entry.includes(words))
      if (known !== undefined) return resolve(known)
      lines.on('line', (entry) => entry.includes(words) && resolve(entry))
      lines.once('close', async () => reject(new Error(`ended without "${words}": ${log.join('\n')}\n${await errors}`)))
    })
  const opened = JSON.parse(await line('Flynn gateway on')) as { msg: string }
  const url = /https?:\/\/[\w.:[\]]+/.exec(opened.msg)?.[0]
  assert(url, opened.msg)
  return { child, url, log, line }
}

export async function stop({ child }: Running, signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
  const exit = once(child, 'exit')
  child.kill(signal)
  return (await exit)[0] as number | null
}
