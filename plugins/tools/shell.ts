import { Type } from '@sinclair/typebox'
import { ProcessGroup } from '../../security/process-group.ts'
import { type AnyTool, defineTool, ToolError } from './define.ts'
import { assertRoom, openWorkspace } from './workspace.ts'

const TIMEOUT_MS = 60_000
const MAX_OUTPUT_BYTES = 256 * 1024
/** Wait for the output of a command that has ended, where a process that left its group still holds the pipe. */
const DRAIN_MS = 1000

export interface ShellOptions {
  /** Files of a workspace beyond which no command is started. */
  readonly workspaceBytes?: () => number
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
 * `shell.exec`: one command in the session's workspace. It is no sandbox: the command may do whatever the gateway's user may
 * do, so the tool is off by default. Two guarantees hold: nothing of the gateway's environment reaches the command, and nothing
 * of its process group outlives the call.
 */
export function shellTool({
  timeoutMs = TIMEOUT_MS,
  maxOutputBytes = MAX_OUTPUT_BYTES,
  drainMs = DRAIN_MS,
  workspaceBytes = () => Number.POSITIVE_INFINITY
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
      await assertRoom(workspace, 0, workspaceBytes(), signal)
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

async function execute(
  command: string,
  workspace: string,
  signal: AbortSignal,
  { timeoutMs, maxOutputBytes, drainMs }: Required<Omit<ShellOptions, 'workspaceBytes'>>
): Promise<Outcome> {
  // Two pipes would lose the order of stdout and stderr; the outer shell joins them and becomes the inner one.
  const group = await ProcessGroup.start('/bin/sh', ['-c', 'exec /bin/sh -c "$1" 2>&1', 'sh', command], {
    cwd: workspace,
    env: environment(workspace),
    stdio: ['ignore', 'pipe', 'ignore'],
    drainMs
  }).catch((cause: unknown) => {
    throw new ToolError('the shell could not be started', { cause })
  })
  const output = new Output(maxOutputBytes)
  let timedOut = false
  const stop = (): void => {
    if (group.exited) group.destroyPipes()
    else group.kill()
  }
  const timeout = setTimeout(() => {
    timedOut = !group.exited
    stop()
  }, timeoutMs)
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  group.stdout.on('data', (chunk: Buffer) => output.add(chunk))
  const { code, signal: killedBy } = await group.closed
  clearTimeout(timeout)
  signal.removeEventListener('abort', stop)
  return { output: output.text(), code, killedBy, timedOut }
}

/** Whole environment of a command. The gateway's own environment holds its credentials and is not passed on. */
function environment(workspace: string): Record<string, string> {
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: workspace,
    LANG: 'C.UTF-8',
    TERM: 'dumb'
  }
}

/** Beginning of the output of a command. The rest is read, so that the command goes on, but only counted. */
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
    // An unfinished character at the cut is left out instead of being shown broken.
    const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.concat(this.#chunks), { stream: cut })
    return cut ? `${text}\n[cut: the first ${this.#kept} of ${this.#total} bytes are shown]` : text
  }
}
