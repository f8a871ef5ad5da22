import { type ChildProcess, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'

/** Wait for the pipes of a program that has ended. A process that left the group may hold them open for ever. */
const DRAIN_MS = 1000

export interface GroupOptions {
  readonly cwd?: string | undefined
  /** The whole environment of the program. Nothing of the gateway's own environment is added. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdio: readonly [stdin: 'pipe' | 'ignore', stdout: 'pipe', stderr: 'pipe' | 'ignore']
  readonly drainMs?: number
}

/** End of the leader of a group. One of the two is null. */
export interface GroupEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/**
 * A program and everything it has started, as one process group. When the program ends, what it left behind is killed.
 * Only a process that made itself a session of its own (`setsid`) leaves the group and survives.
 */
export class ProcessGroup {
  /** Settles when the program has ended and its pipes are closed. Never rejects. */
  readonly closed: Promise<GroupEnd>
  readonly #child: ChildProcess
  #exited = false

  /** @throws Error with a `code` such as ENOENT or EMFILE when the program cannot be started */
  static async start(command: string, args: readonly string[], options: GroupOptions): Promise<ProcessGroup> {
    const child = spawn(command, args, {
      cwd: options.cwd,
      // Node adds this variable to every child unless it is named.
      env: { NODE_V8_COVERAGE: undefined, ...options.env },
      detached: true,
      stdio: [...options.stdio]
    })
    const started = Promise.withResolvers<void>()
    // First of all: without descriptors (EMFILE) the child has no pipes, and an error without listener ends the gateway.
    child.on('error', started.reject)
    child.once('spawn', started.resolve)
    // A pipe that breaks ends. With EAGAIN the pipes of a child that never was exist, and break at once.
    for (const pipe of child.stdio ?? []) pipe?.on('error', () => {})
    const group = child.pid === undefined ? undefined : new ProcessGroup(child, options.drainMs)
    await started.promise
    return group!
  }

  private constructor(child: ChildProcess, drainMs = DRAIN_MS) {
    this.#child = child
    const closed = Promise.withResolvers<GroupEnd>()
    this.closed = closed.promise
    let drain: NodeJS.Timeout | undefined
    child.once('exit', () => {
      this.kill()
      this.#exited = true
      drain = setTimeout(() => this.destroyPipes(), drainMs)
    })
    child.once('close', (code, signal) => {
      clearTimeout(drain)
      closed.resolve({ code, signal })
    })
  }

  /** The program has ended. Its pipes may still be open. */
  get exited(): boolean {
    return this.#exited
  }

  /** @throws TypeError when stdin is ignored */
  get stdin(): Writable {
    return piped(this.#child.stdin)
  }

  get stdout(): Readable {
    return piped(this.#child.stdout)
  }

  /** @throws TypeError when stderr is ignored */
  get stderr(): Readable {
    return piped(this.#child.stderr)
  }

  /** Sends a signal to the whole group. Does nothing after the program has ended: its number may belong to another process then. */
  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    const { pid } = this.#child
    if (pid === undefined || this.#exited) return
    try {
      process.kill(-pid, signal)
    } catch {
      // ESRCH: no process is left. EPERM: the processes that are left run as another user.
    }
  }

  /** Stops waiting for output. */
  destroyPipes(): void {
    for (const pipe of this.#child.stdio) pipe?.destroy()
  }
}

function piped<T>(pipe: T | null): T {
  if (pipe === null) throw new TypeError('the program was started without this pipe')
  return pipe
}
