import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import path from 'node:path'
import type { FastifyBaseLogger } from 'fastify'
import { type Change, Changes } from './changes.ts'
import { Reading } from './reading.ts'
import { launch, MISSING, type Outcome, type RunOptions } from './run.ts'

/** The programs of the machine that the gateway runs. Nothing else is ever started. */
export const PROGRAMS = ['systemctl', 'journalctl', 'docker'] as const
export type Program = (typeof PROGRAMS)[number]

/** Programs that run at the same time; more wait for their turn. */
export const MAX_RUNNING = 8
/** Runs that wait. Reports are read once for everybody, so this many means that something is wrong. */
export const MAX_WAITING = 100

const TIMEOUT_MS = 10_000
const MAX_BYTES = 4 * 1024 * 1024

/** Variables that programs receive. The rest of the environment holds credentials of the gateway. */
const HANDED_ON = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'XDG_RUNTIME_DIR',
  'DBUS_SESSION_BUS_ADDRESS',
  'DOCKER_HOST',
  'DOCKER_CONTEXT',
  'DOCKER_CONFIG',
  'DOCKER_CERT_PATH',
  'DOCKER_TLS_VERIFY',
  'COMPOSE_PROJECT_NAME',
  'COMPOSE_FILE',
  'COMPOSE_PATH_SEPARATOR'
]

/** Output that is read by a program: in English, without colours and pagers. */
const PLAIN = { LANG: 'C', LC_ALL: 'C', SYSTEMD_COLORS: '0', SYSTEMD_PAGER: '', NO_COLOR: '1' }

/** The one way to run a program of the machine. */
export class Programs {
  /** Environment of the programs. They are found in its `PATH`. */
  readonly environment: Record<string, string>
  readonly #report: (change: Change) => void
  readonly #closing = new AbortController()
  readonly #waiting: Array<() => void> = []
  #running = 0

  /** @param report called with each change to what runs on the machine */
  constructor(env: NodeJS.ProcessEnv, report: (change: Change) => void = () => {}) {
    this.#report = report
    this.environment = { ...pick(env), ...PLAIN }
  }

  /**
   * Runs a program and answers how it ended, well or not. `args` are never taken from a client: they come from a table.
   * @throws the reason of `signal`; an Error when the gateway shuts down or too many runs wait
   */
  async run(
    program: Program,
    args: readonly string[],
    { timeoutMs = TIMEOUT_MS, maxBytes = MAX_BYTES, signal }: RunOptions = {}
  ): Promise<Outcome> {
    const ended = signal ? AbortSignal.any([signal, this.#closing.signal]) : this.#closing.signal
    await this.#turn(ended)
    try {
      const file = await this.#find(program)
      if (file === undefined) return MISSING
      return await launch({ file, args, env: this.environment, timeoutMs, maxBytes, signal: ended })
    } finally {
      // Handed over, not given back, so that no later run overtakes.
      const next = this.#waiting.shift()
      if (next) next()
      else this.#running--
    }
  }

  /** Value that `read` finds, read once for all callers of the same moment. */
  reading<T>(read: () => Promise<T>): Reading<T> {
    return new Reading(read)
  }

  /** Changes to what runs on the machine, one at a time for each thing. The caller closes it. */
  changes(log: FastifyBaseLogger): Changes {
    return new Changes(log, Date.now, this.#report)
  }

  /** Kills what runs, and refuses what comes. */
  close(): void {
    this.#closing.abort(new Error('the gateway is shutting down'))
  }

  async #turn(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#running < MAX_RUNNING) {
      this.#running++
      return
    }
    if (this.#waiting.length >= MAX_WAITING) throw new Error(`${MAX_WAITING} runs of programs are waiting already`)
    await new Promise<void>((resolve, reject) => {
      const give = (): void => {
        signal.removeEventListener('abort', leave)
        resolve()
      }
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(give), 1)
        reject(signal.reason)
      }
      signal.addEventListener('abort', leave, { once: true })
      this.#waiting.push(give)
    })
  }

  /** Looked up for each run: it may be installed while the gateway runs. Relative folders of `PATH` are ignored. */
  async #find(program: Program): Promise<string | undefined> {
    for (const folder of (this.environment.PATH ?? '').split(path.delimiter)) {
      if (!path.isAbsolute(folder)) continue
      const file = path.join(folder, program)
      if (await executable(file)) return file
    }
    return undefined
  }
}

async function executable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK)
    return (await stat(file)).isFile()
  } catch {
    return false
  }
}

function pick(env: NodeJS.ProcessEnv): Record<string, string> {
  const picked = HANDED_ON.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]] as const]))
  // A service of the system has no session, but its user may have a running manager (`loginctl enable-linger`).
  const uid = process.getuid?.()
  const session = uid === undefined ? {} : { XDG_RUNTIME_DIR: `/run/user/${uid}` }
  return { ...session, ...Object.fromEntries(picked) }
}
