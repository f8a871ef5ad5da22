import { spawn } from 'node:child_process'

/** How long the rest of the output is waited for when the program has ended and somebody else still holds its pipes. */
const DRAIN_MS = 1000

export interface RunOptions {
  /** Milliseconds; a program that takes longer is killed with all it has started. */
  readonly timeoutMs?: number
  /** Of stdout and of stderr; a program that prints more is killed. */
  readonly maxBytes?: number
  /** Kills the program. The call is then rejected with the signal's reason. */
  readonly signal?: AbortSignal
}

export interface Outcome {
  /** Null when the program was killed, or is missing. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** It printed more than it may: what is here is the beginning. */
  readonly truncated: boolean
  readonly timedOut: boolean
  /** It is not on this machine, or may not be executed. Nothing was run. */
  readonly missing: boolean
}

export const MISSING: Outcome = { code: null, stdout: '', stderr: '', truncated: false, timedOut: false, missing: true }

export interface Launch {
  /** Absolute. */
  readonly file: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly timeoutMs: number
  readonly maxBytes: number
  readonly signal: AbortSignal
}

/**
 * Runs one program to its end, without a shell and with nothing to read. It leads a process group of its own, and of that
 * group nothing outlives the call: not a program that hangs, not one that prints without end, not one that ignores signals.
 * Only what has left the group does, and that is no longer waited for.
 */
export function launch({ file, args, env, timeoutMs, maxBytes, signal }: Launch): Promise<Outcome> {
  signal.throwIfAborted()
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      // Node hands this one on unless it is named.
      env: { ...env, NODE_V8_COVERAGE: undefined },
      cwd: '/',
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe']
    })
    const stdout = new Beginning(maxBytes)
    const stderr = new Beginning(maxBytes)
    let exited = false
    let timedOut = false
    let drain: NodeJS.Timeout | undefined

    const killGroup = (): void => {
      if (child.pid === undefined) return
      try {
        process.kill(-child.pid, 'SIGKILL')
      } catch {
        // ESRCH: nobody is left. EPERM: what is left has become another user's.
      }
    }
    const stop = (): void => {
      // Long after the program was reaped its number may be somebody else's: then only the waiting ends.
      if (!exited) killGroup()
      child.stdout.destroy()
      child.stderr.destroy()
    }
    const timeout = setTimeout(() => {
      timedOut = true
      stop()
    }, timeoutMs)
    const settle = (): void => {
      clearTimeout(timeout)
      clearTimeout(drain)
      signal.removeEventListener('abort', stop)
    }

    signal.addEventListener('abort', stop, { once: true })
    child.stdout.on('data', (chunk: Buffer) => stdout.add(chunk) || stop())
    child.stderr.on('data', (chunk: Buffer) => stderr.add(chunk) || stop())
    child.once('error', (cause: NodeJS.ErrnoException) => {
      // It was there a moment ago.
      settle()
      if (cause.code === 'ENOENT' || cause.code === 'EACCES') resolve(MISSING)
      else reject(cause)
    })
    child.once('exit', () => {
      exited = true
      clearTimeout(timeout)
      killGroup()
      drain = setTimeout(stop, DRAIN_MS)
    })
    child.once('close', (code) => {
      settle()
      if (signal.aborted) return reject(signal.reason)
      const truncated = stdout.cut || stderr.cut
      resolve({ code, stdout: stdout.text(), stderr: stderr.text(), truncated, timedOut, missing: false })
    })
  })
}

/** The first bytes of a stream. */
class Beginning {
  readonly #limit: number
  readonly #chunks: Buffer[] = []
  #size = 0
  cut = false

  constructor(limit: number) {
    this.#limit = limit
  }

  /** `false`: that was too much. */
  add(chunk: Buffer): boolean {
    const room = this.#limit - this.#size
    this.cut ||= chunk.length > room
    this.#chunks.push(chunk.subarray(0, room))
    this.#size += Math.min(room, chunk.length)
    return !this.cut
  }

  text(): string {
    // Where it was cut an unfinished character is kept back instead of being shown broken.
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.concat(this.#chunks), { stream: this.cut })
  }
}
