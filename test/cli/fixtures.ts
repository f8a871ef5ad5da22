import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

export const CLI = fileURLToPath(new URL('../../cli.ts', import.meta.url))
export const LAUNCHER = fileURLToPath(new URL('../../bin/flynn-gateway.js', import.meta.url))

export interface CliOptions {
  readonly cwd: string
  readonly env?: Record<string, string>
  readonly input?: string
}

/** The program with these arguments, knowing nothing of the environment of the tests; gone after the test. */
export function spawned(t: TestContext, args: readonly string[], { cwd, env = {} }: CliOptions, program = CLI) {
  const child = spawn(process.execPath, [program, ...args], { cwd, env: { PATH: process.env.PATH ?? '', ...env } })
  t.after(() => child.kill('SIGKILL'))
  return child
}

/** Runs the program to its end. */
export async function cli(t: TestContext, args: readonly string[], options: CliOptions, program = CLI) {
  const child = spawned(t, args, options, program)
  child.stdin.end(options.input ?? '')
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  return { code: code as number | null, stdout, stderr }
}

/** Settles once these words were printed. Nothing that comes later is lost: `said` has all of it. */
export function listen(child: ChildProcess, stream: 'stdout' | 'stderr') {
  let said = ''
  const waiting = new Set<() => void>()
  child[stream]!.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk
    for (const wake of waiting) wake()
  })
  return {
    get said() {
      return said
    },
    async until(words: string): Promise<void> {
      while (!said.includes(words)) {
        const { promise, resolve } = Promise.withResolvers<void>()
        waiting.add(resolve)
        await promise
        waiting.delete(resolve)
      }
    }
  }
}
