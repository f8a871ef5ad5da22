import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/client'
import { Meter } from './meter.ts'

/** How long the output of a program that has ended is waited for when somebody else still holds its pipe. */
const DRAIN_MS = 1000
/** What may wait for a program to read it. One call alone may be as long as a frame of the gateway. */
const MAX_UNREAD_BYTES = 16 * 1024 * 1024

export interface StdioOptions {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd?: string | undefined
  readonly graceMs: number
  /** One line of stdout. @throws when it is no message of the protocol */
  parse(line: string): JSONRPCMessage
  /** What it prints for people. */
  onStderr(chunk: Buffer): void
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>

/**
 * A program that speaks MCP over its stdin and stdout. The SDK's own transport knows no process groups, hands more of the
 * environment on, and counts nothing but the line that has begun.
 */
export class StdioTransport implements Transport {
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: Transport['onmessage']
  /** How it ended, for the log and for whoever waits for an answer. */
  end: string | undefined

  readonly #options: StdioOptions
  readonly #meter = new Meter()
  readonly #gone = Promise.withResolvers<void>()
  #child: Child | undefined
  #exited = false
  #closing = false
  /** The line that has begun, in pieces. */
  #pieces: Buffer[] = []

  constructor(options: StdioOptions) {
    this.#options = options
  }

  /** @throws Error with a `code` such as ENOENT when the program cannot be started */
  async start(): Promise<void> {
    const { command, args, env, cwd, onStderr } = this.#options
    const child: Child = spawn(command, args, {
      cwd,
      env: environment(env),
      // A process group of its own, so that all of it can be ended, and so that Ctrl-C ends it in order and not at once.
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe']
    })
    this.#child = child
    let drain: NodeJS.Timeout | undefined
    // Whoever does not read cannot be asked, and never will be.
    child.stdin.on('error', () => this.#abandon('it closed its stdin'))
    child.stdout.on('error', (error) => this.onerror?.(error))
    child.stderr.on('error', (error) => this.onerror?.(error))
    child.stdout.on('data', (chunk: Buffer) => this.#read(chunk))
    child.stderr.on('data', onStderr)
    child.once('exit', () => {
      // What it left behind goes with it.
      this.#kill('SIGKILL')
      this.#exited = true
      // A process that has left the group may hold the pipes open; it must not hold us.
      drain = setTimeout(() => this.#destroy(), DRAIN_MS).unref()
    })
    child.once('close', (code, signal) => {
      clearTimeout(drain)
      this.end ??= signal ? `it was ended by ${signal}` : `it ended with exit code ${code}`
      this.#gone.resolve()
      this.onclose?.()
    })
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve)
      child.once('error', (error) => {
        if (child.pid !== undefined) return this.onerror?.(error)
        this.#exited = true
        this.#gone.resolve()
        reject(error)
      })
    })
  }

  async send(message: JSONRPCMessage): Promise<void> {
    const stdin = this.#child?.stdin
    if (!stdin?.writable) throw new Error(this.end ?? 'it closed its stdin')
    // Calls that were cancelled wait here all the same.
    if (stdin.writableLength > MAX_UNREAD_BYTES) this.#abandon('it does not read what it is sent')
    await new Promise<void>((resolve, reject) => {
      stdin.write(`${JSON.stringify(message)}\n`, (error) =>
        error ? reject(this.end === undefined ? error : new Error(this.end)) : resolve()
      )
    })
  }

  /** Asks the whole process group to end, and ends it when it does not. */
  async close(): Promise<void> {
    if (!this.#child) return
    if (!this.#exited && !this.#closing) {
      this.#closing = true
      this.end ??= 'it was told to end'
      this.#child.stdin.end()
      this.#kill('SIGTERM')
      const force = setTimeout(() => this.#kill('SIGKILL'), this.#options.graceMs)
      void this.#gone.promise.then(() => clearTimeout(force))
    }
    await this.#gone.promise
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
    if (this.#closing || this.#exited) return
    this.#closing = true
    this.end = reason
    this.#pieces = []
    this.#kill('SIGKILL')
    // What it has said on stderr by now tells why, and is read to its end.
    this.#child?.stdin.destroy()
    this.#child?.stdout.destroy()
  }

  #take(line: string): void {
    if (line.trim() === '') return
    let message: JSONRPCMessage
    try {
      message = this.#options.parse(line)
    } catch {
      // Programs print to stdout what they should not. It is counted, and otherwise passed over.
      this.onerror?.(new Error('a line on stdout is no message of the protocol'))
      return
    }
    this.onmessage?.(message)
  }

  #kill(signal: NodeJS.Signals): void {
    const pid = this.#child?.pid
    // Long after it was reaped its number may be somebody else's.
    if (pid === undefined || this.#exited) return
    try {
      process.kill(-pid, signal)
    } catch {
      // ESRCH: nobody is left. EPERM: what is left has become another user's.
    }
  }

  #destroy(): void {
    this.#child?.stdin.destroy()
    this.#child?.stdout.destroy()
    this.#child?.stderr.destroy()
  }
}

/** All a program gets to see: the gateway's own environment holds its credentials. */
function environment(own: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    LANG: 'C.UTF-8',
    // Node hands this one on unless it is named.
    NODE_V8_COVERAGE: undefined,
    ...own
  }
}
