import { ProcessGroup } from '../../security/process-group.ts'

export interface RunOptions {
  /** Milliseconds; a program that takes longer is killed with all it has started. */
  readonly timeoutMs?: number
  /** Of stdout and of stderr; a program that prints more is killed. */
  readonly maxBytes?: number
  /** Kills the program. The call is then rejected with the signal's reason. */
  readonly signal?: AbortSignal
}

export interface Outcome {
  /** Null when the program was killed, is missing, or could not be started; `stderr` then says why. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** It printed more than `maxBytes`; only the beginning is kept. */
  readonly truncated: boolean
  readonly timedOut: boolean
  /** The program is not installed, or may not be executed. Nothing was run. */
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
 * Runs one program to its end, without a shell and with nothing to read. Nothing of its process group outlives the call: not a
 * program that hangs, not one that prints without end, not one that ignores signals.
 * @throws the reason of `signal`
 */
export async function launch({ file, args, env, timeoutMs, maxBytes, signal }: Launch): Promise<Outcome> {
  signal.throwIfAborted()
  let group: ProcessGroup
  try {
    group = await ProcessGroup.start(file, args, { env, cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] })
  } catch (cause) {
    // The file existed a moment ago.
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'EACCES') return MISSING
    // No descriptors (EMFILE), no memory (ENOMEM), too many processes (EAGAIN).
    return { ...MISSING, missing: false, stderr: `it could not be started: ${code ?? cause}` }
  }
  const stdout = new Beginning(maxBytes)
  const stderr = new Beginning(maxBytes)
  let timedOut = false
  const stop = (): void => {
    group.kill()
    group.destroyPipes()
  }
  const timeout = setTimeout(() => {
    timedOut = !group.exited
    stop()
  }, timeoutMs)
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  group.stdout.on('data', (chunk: Buffer) => stdout.add(chunk) || stop())
  group.stderr.on('data', (chunk: Buffer) => stderr.add(chunk) || stop())
  const { code } = await group.closed
  clearTimeout(timeout)
  signal.removeEventListener('abort', stop)
  signal.throwIfAborted()
  const truncated = stdout.cut || stderr.cut
  return { code, stdout: stdout.text(), stderr: stderr.text(), truncated, timedOut, missing: false }
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
