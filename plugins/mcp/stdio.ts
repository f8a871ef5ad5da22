import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/client'
import { ProcessGroup } from '../../security/process-group.ts'
import { Meter } from './meter.ts'

/** Bytes that a program may leave unread. One call may take a whole frame of the gateway. */
const MAX_UNREAD_BYTES = 16 * 1024 * 1024

export interface StdioOptions {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd?: string | undefined
  readonly graceMs: number
  /** One line of stdout. @throws when it is no message of the protocol */
  parse(line: string): JSONRPCMessage
  /** Receives what the program prints to stderr. */
  onStderr(chunk: Buffer): void
}

/**
 * A program that speaks MCP over its stdin and stdout. The SDK's own transport knows no process groups, passes on more of the
 * environment, and bounds nothing but the current line.
 */
export class StdioTransport implements Transport {
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: Transport['onmessage']
  /** Reason of its end, for the log and for calls that wait for an answer. */
  end: string | undefined

  readonly #options: StdioOptions
  readonly #meter = new Meter()
  #starting: Promise<ProcessGroup> | undefined
  #group: ProcessGroup | undefined
  #closing = false
  /** The current line, in pieces. */
  #pieces: Buffer[] = []

  constructor(options: StdioOptions) {
    this.#options = options
  }

  /** @throws Error with a `code` such as ENOENT when the program cannot be started */
  async start(): Promise<void> {
    const { command, args, env, cwd, onStderr } = this.#options
    this.#starting = ProcessGroup.start(command, args, { cwd, env: environment(env), stdio: ['pipe', 'pipe', 'pipe'] })
    const group = await this.#starting
    this.#group = group
    // A program that does not read cannot be asked anything.
    group.stdin.on('error', () => this.#abandon('it closed its stdin'))
    group.stdout.on('error', (error) => this.onerror?.(error))
    group.stderr.on('error', (error) => this.onerror?.(error))
    group.stdout.on('data', (chunk: Buffer) => this.#read(chunk))
    group.stderr.on('data', onStderr)
    void group.closed.then(({ code, signal }) => {
      this.end ??= signal ? `it was ended by ${signal}` : `it ended with exit code ${code}`
      this.onclose?.()
    })
  }

  async send(message: JSONRPCMessage): Promise<void> {
    const stdin = this.#group?.stdin
    if (!stdin?.writable) throw new Error(this.end ?? 'it closed its stdin')
    // Calls that were cancelled stay in this buffer, so it has a bound of its own.
    if (stdin.writableLength > MAX_UNREAD_BYTES) this.#abandon('it does not read what it is sent')
    await new Promise<void>((resolve, reject) => {
      stdin.write(`${JSON.stringify(message)}\n`, (error) =>
        error ? reject(this.end === undefined ? error : new Error(this.end)) : resolve()
      )
    })
  }

  /** Asks the whole process group to end, and kills it after `graceMs`. */
  async close(): Promise<void> {
    const group = await this.#starting?.catch(() => undefined)
    if (!group) return
    if (!group.exited && !this.#closing) {
      this.#closing = true
      this.end ??= 'the gateway ended it'
      group.stdin.end()
      group.kill('SIGTERM')
      const force = setTimeout(() => group.kill(), this.#options.graceMs)
      void group.closed.then(() => clearTimeout(force))
    }
    await group.closed
  }

  #read(chunk: Buffer): void {
    if (this.#closing) return
    try {
      this.#meter.bytes(chunk.length)
      let from = 0
      for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, from)) {
        this.#meter.message(chunk.length - at - 1)
        const line = Buffer.concat([...this.#pieces, chunk.subarray(from, at)]).toString()
        this.#pieces = []
        from = at + 1
        this.#take(line)
      }
      if (from < chunk.length) this.#pieces.push(chunk.subarray(from))
    } catch (cause) {
      this.#abandon(cause instanceof Error ? cause.message : String(cause))
    }
  }

  #abandon(reason: string): void {
    const group = this.#group
    if (!group || this.#closing || group.exited) return
    this.#closing = true
    this.end = reason
    this.#pieces = []
    group.kill()
    // Its stderr may say why, and is read to the end.
    group.stdin.destroy()
    group.stdout.destroy()
  }

  #take(line: string): void {
    if (line.trim() === '') return
    let message: JSONRPCMessage
    try {
      message = this.#options.parse(line)
    } catch {
      // Programs print to stdout what they should not. Such a line is counted and ignored.
      this.onerror?.(new Error('a line on stdout is no message of the protocol'))
      return
    }
    this.onmessage?.(message)
  }
}

/** Whole environment of a program. The gateway's own environment holds its credentials and is not passed on. */
function environment(own: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    LANG: 'C.UTF-8',
    ...own
  }
}
