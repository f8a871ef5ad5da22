import { spawn } from 'node:child_process'
import { Type } from '@sinclair/typebox'
import { type AnyTool, defineTool, ToolError } from './define.ts'
import { openWorkspace } from './workspace.ts'

const TIMEOUT_MS = 60_000
const MAX_OUTPUT_BYTES = 256 * 1024
/** How long the output of a finished command is waited for when somebody else still holds its pipe. */
const DRAIN_MS = 1000

export interface ShellOptions {
  readonly timeoutMs?: number
  readonly maxOutputBytes?: number
  readonly drainMs?: number
}

interface Outcome {
  readonly output: string
  readonly code: number | null
  readonly killedBy: NodeJS.Signals | null
  readonly timedOut: boolean
}

/**
 * `shell.exec`: one command in the session's workspace. It is no sandbox: what the gateway's user may do, the command
 * may do, and that is why it is off by default. What it does guarantee: nothing of the gateway's environment reaches
 * the command, and of its process group nothing lives longer than the call.
 */
export function shellTool({
  timeoutMs = TIMEOUT_MS,
  maxOutputBytes = MAX_OUTPUT_BYTES,
  drainMs = DRAIN_MS
}: ShellOptions = {}): AnyTool {
  return defineTool({
    name: 'shell.exec',
    description:
      'Execute a shell command with /bin/sh in the workspace and return what it prints (stdout and stderr). ' +
      `It cannot ask for input, is killed after ${timeoutMs / 1000} seconds, and nothing it starts in the background outlives it.`,
    input: Type.Object({ command: Type.String({ minLength: 1, maxLength: 32_768 }) }, { additionalProperties: false }),
    async run({ command }, { signal, session }) {
      if (command.includes('\0')) throw new ToolError('the command must not hold NUL characters')
      const workspace = await openWorkspace(session.workspace)
      signal.throwIfAborted()
      const { output, code, killedBy, timedOut } = await execute(command, workspace, signal, {
        timeoutMs,
        maxOutputBytes,
        drainMs
      })
      signal.throwIfAborted()
      if (timedOut) throw new ToolError(`killed: not done after ${timeoutMs / 1000} seconds`, { output })
      if (killedBy) throw new ToolError(`killed by ${killedBy}`, { output })
      if (code !== 0) throw new ToolError(`exit code ${code}`, { output })
      return output
    }
  })
}

function execute(
  command: string,
  workspace: string,
  signal: AbortSignal,
  { timeoutMs, maxOutputBytes, drainMs }: Required<ShellOptions>
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    // Two pipes would lose the order of stdout and stderr; the outer shell joins them and becomes the inner one.
    const child = spawn('/bin/sh', ['-c', 'exec /bin/sh -c "$1" 2>&1', 'sh', command], {
      cwd: workspace,
      env: environment(workspace),
      // A process group of its own, so that all of it can be killed.
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore']
    })
    const stdout = child.stdout
    const output = new Output(maxOutputBytes)
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
      // Long after the shell was reaped its number may be somebody else's: then only the waiting ends.
      if (exited) stdout.destroy()
      else killGroup()
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
    stdout.on('data', (chunk: Buffer) => output.add(chunk))
    child.once('error', (cause) => {
      settle()
      reject(new ToolError('the shell could not be started', { cause }))
    })
    child.once('exit', () => {
      exited = true
      clearTimeout(timeout)
      killGroup()
      // A process that has left the group may hold the pipe open; it must not hold the lane.
      drain = setTimeout(() => stdout.destroy(), drainMs)
    })
    child.once('close', (code, killedBy) => {
      settle()
      resolve({ output: output.text(), code, killedBy, timedOut })
    })
  })
}

/** All a command gets to see. The gateway's own environment holds its credentials. */
function environment(workspace: string): NodeJS.ProcessEnv {
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: workspace,
    LANG: 'C.UTF-8',
    TERM: 'dumb',
    // Node hands this one on unless it is named.
    NODE_V8_COVERAGE: undefined
  }
}

/** The beginning of what a command prints; the rest is read, so that the command goes on, and only counted. */
class Output {
  readonly #limit: number
  readonly #chunks: Buffer[] = []
  #kept = 0
  #total = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  add(chunk: Buffer): void {
    this.#total += chunk.length
    const room = this.#limit - this.#kept
    if (room === 0) return
    const part = chunk.subarray(0, room)
    this.#chunks.push(part)
    this.#kept += part.length
  }

  text(): string {
    const cut = this.#total > this.#kept
    // In a stream's middle an unfinished character is kept back instead of being shown broken.
    const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.concat(this.#chunks), { stream: cut })
    return cut ? `${text}\n[cut: the first ${this.#kept} of ${this.#total} bytes are shown]` : text
  }
}
