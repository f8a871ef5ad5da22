import { watch } from 'node:fs'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { TestContext } from 'node:test'
import type { FastifyPluginAsync } from 'fastify'
import { gatewayPlugin } from '../../plugins/define.ts'
import { scratch } from '../helper.ts'
import type { Machine } from './machine.ts'

const PROGRAMS = ['systemctl', 'journalctl', 'docker'] as const

/** One run of a stub program. */
export interface Call {
  readonly program: (typeof PROGRAMS)[number]
  readonly args: readonly string[]
  /** The program and its arguments. */
  readonly call: string
  readonly pid: number
  /** What a run that hangs has started. */
  readonly child?: number
  /** What it saw of the environment. */
  readonly env: Readonly<Record<string, string>>
}

/** Programs that stand for those of the machine. */
export interface Stubs {
  /** The one folder of `PATH`. */
  readonly folder: string
  /** For `build(t, { plugins: [stubs.plugin] })`: the programs of that gateway are these. */
  readonly plugin: FastifyPluginAsync
  /** Every run so far. */
  calls(): Promise<Call[]>
  /** The first run, already begun or not, with these words. */
  called(words: string): Promise<Call>
  /** Replaces the machine: holds for runs that begin from now on. */
  set(machine: Machine): Promise<void>
  /** Lets go what waits because of `hold`. */
  go(): Promise<void>
}

/**
 * A machine of its own: what of `machine` is there is found in `PATH`, and nothing else. The programs are found by the gateway alone,
 * not by the test.
 */
export async function stubPrograms(t: TestContext, machine: Machine): Promise<Stubs> {
  let calls = async (): Promise<Call[]> => []
  // Before the folder goes.
  t.after(async () => {
    // What a failing test has left of those that never end.
    for (const { pid, child } of await calls()) if (child !== undefined) killGroup(pid)
  })
  const folder = await scratch(t)
  for (const program of PROGRAMS) {
    if (!(program in machine)) continue
    const source = path.join(import.meta.dirname, `${program}.ts`)
    await writeFile(path.join(folder, program), `#!/bin/sh\nexec '${process.execPath}' '${source}' '${folder}' "$@"\n`)
    await chmod(path.join(folder, program), 0o755)
  }
  const set = (next: Machine) => writeFile(path.join(folder, 'machine.json'), JSON.stringify(next))
  await set(machine)
  const log = path.join(folder, 'calls.ndjson')
  await writeFile(log, '')
  calls = async () =>
    (await readFile(log, 'utf8'))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Call)
  return {
    folder,
    plugin: gatewayPlugin({ name: 'stub-programs', dependencies: ['programs'] }, async (app) => {
      app.programs.environment.PATH = folder
    }),
    calls,
    set,
    go: () => writeFile(path.join(folder, 'go'), ''),
    async called(words) {
      const watcher = watch(log)
      try {
        for (;;) {
          const changed = new Promise((resolve) => watcher.once('change', resolve))
          const found = (await calls()).find(({ program, args }) =>
            words.split(' ').every((word) => [program, ...args].includes(word))
          )
          if (found) return found
          await changed
        }
      } finally {
        watcher.close()
      }
    }
  }
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL')
  } catch {
    // Gone, as it should be.
  }
}
