import { spawn } from 'node:child_process'
import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

/** What `systemctl show` says of a unit. */
export interface StubUnit {
  readonly LoadState?: string
  readonly ActiveState: string
  readonly SubState: string
  readonly MainPID?: number
  readonly Result?: string
  readonly StatusText?: string
  readonly NRestarts?: number
  readonly Description?: string
  /** What it becomes after start and restart, look by look; the last one stays. Default: running at once. */
  readonly started?: readonly StubUnit[]
  /** What it becomes after stop. Default: dead at once. */
  readonly stopped?: readonly StubUnit[]
  /** What it still becomes, look by look: kept by the stub itself. */
  readonly steps?: readonly StubUnit[]
  /** What happens to whoever wants to change it. */
  readonly refusal?: 'denied' | 'authentication' | 'masked' | 'job'
}

export interface StubContainer {
  readonly Service: string
  readonly Name: string
  readonly ID?: string
  readonly State: string
  readonly Health?: string
  readonly Status: string
  readonly Labels?: string
  /** What it is after the next action, look by look; the last one stays. Default: running. */
  readonly next?: readonly Partial<StubContainer>[]
}

/** The machine that the stub programs show. A part that is left out is not installed. */
export interface Machine {
  readonly systemctl?: {
    /** The units of a manager; a text is what it says instead of answering, with exit code 1. */
    readonly user?: Readonly<Record<string, StubUnit>> | string
    readonly system?: Readonly<Record<string, StubUnit>> | string
  }
  readonly docker?: {
    /** What every command of compose says instead of answering, with exit code 1. */
    readonly refusal?: string
    /** What `docker compose config` prints: the model, or why it fails. */
    readonly config?: object | string
    /** What it prints with `--no-interpolate`, where that differs. */
    readonly raw?: object | string
    readonly containers?: readonly StubContainer[]
    /** How `ps` prints them: compose before and since 2.21. */
    readonly form?: 'array' | 'lines'
    /** What `pull` makes of the containers: the next `up` gives them another id. */
    readonly newImage?: boolean
    /** What an action says instead of being done. */
    readonly fails?: string
    /** What `docker logs` prints. */
    readonly logs?: { readonly stdout?: string; readonly stderr?: string }
  }
  readonly journalctl?: { readonly stdout?: string; readonly stderr?: string; readonly code?: number }
  /** Calls with these words never end, and ignore every signal that can be ignored. */
  readonly hang?: readonly string[]
  /** Calls with these words print without end. */
  readonly chatty?: readonly string[]
  /** Calls with these words wait until the test lets them go. */
  readonly hold?: readonly string[]
}

/** One run of a stub program: where the machine is, and what it was asked. */
export class Stub {
  readonly program: string
  readonly folder: string
  readonly args: readonly string[]
  machine: Machine

  constructor() {
    const [, file, folder, ...args] = process.argv
    this.program = path.basename(file!, '.ts')
    this.folder = folder!
    this.args = args
    this.machine = JSON.parse(readFileSync(path.join(folder!, 'machine.json'), 'utf8'))
  }

  /** Notes the call, and misbehaves if it is to. */
  async begin(): Promise<void> {
    const call = [this.program, ...this.args].join(' ')
    const is = (list: readonly string[] = []): boolean =>
      list.some((words) => words.split(' ').every((word) => [this.program, ...this.args].includes(word)))
    const { hang, chatty, hold } = this.machine
    const stuck = is(hang)
    // Whoever kills the one and not the other is found out.
    const child = stuck
      ? spawn('/bin/sh', ['-c', 'trap "" TERM INT HUP; PATH=/usr/bin:/bin; sleep 600'], { stdio: 'inherit' })
      : undefined
    const { pid, env } = process
    appendFileSync(
      path.join(this.folder, 'calls.ndjson'),
      `${JSON.stringify({ program: this.program, args: this.args, call, pid, child: child?.pid, env })}\n`
    )
    if (stuck) {
      for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {})
      await new Promise(() => setInterval(() => {}, 60_000))
    }
    if (is(chatty)) {
      const block = `${'x'.repeat(1023)}\n`.repeat(64)
      for (;;) await new Promise((resolve) => process.stdout.write(block, resolve))
    }
    while (is(hold) && !existsSync(path.join(this.folder, 'go'))) await pause(10)
  }

  save(machine: Machine): void {
    this.machine = machine
    const file = path.join(this.folder, `machine.json.${process.pid}`)
    writeFileSync(file, JSON.stringify(machine))
    renameSync(file, path.join(this.folder, 'machine.json'))
  }

  /** Ends the program once everything is printed. */
  end(code: number, stderr = '', stdout = ''): never {
    if (stdout !== '') writeFileSync(1, stdout)
    if (stderr !== '') writeFileSync(2, `${stderr.replace(/\n$/, '')}\n`)
    process.exit(code)
  }
}
