import type { FastifyBaseLogger } from 'fastify'
import { RpcError } from '../../rpc/errors.ts'
import type { SourcedTool, SourceStatus, ToolOutput, ToolSource } from '../tools/define.ts'
import { Backoff } from './backoff.ts'
import { McpConnection, type ServedTool, SessionExpired } from './connection.ts'
import { reasonOf, shown } from './failure-reason.ts'
import { outputOf } from './result.ts'
import { LIMITS, type Limits, type ServerSettings } from './server-options.ts'

/** Characters of a failure in a tool's own words. */
const MAX_SAID = 1000
/** Lines of stderr that are kept, and those that explain a failure. */
const MAX_LINES = 200
const LAST_LINES = 5

export interface McpServerOptions {
  readonly name: string
  readonly settings: ServerSettings
  readonly log: FastifyBaseLogger
  readonly limits?: Partial<Limits>
  readonly now?: () => number
}

/**
 * One configured server, running or not.
 *
 *     down ──needed, and its wait is over──▶ starting ──greeted and listed──▶ up
 *      ▲                                        │ failed                      │ ended
 *      └────────────────────────────────────────┴─────────────────────────────┘
 *
 * Its tools are those of the last list that was read, also while it is down: a call starts it again.
 */
export class McpServer implements ToolSource {
  readonly name: string
  readonly filter: { readonly allow: readonly string[]; readonly deny: readonly string[] }

  readonly #settings: ServerSettings
  readonly #log: FastifyBaseLogger
  readonly #limits: Limits
  readonly #now: () => number
  readonly #backoff: Backoff
  readonly #closing = new AbortController()
  #tools: readonly SourcedTool[] = []
  #connection: McpConnection | undefined
  #starting: Promise<void> | undefined
  /** Settled once callers do not wait for a list any more, whether it came or not. */
  #patience: Promise<void> | undefined
  /** Why it is down. Undefined before its first failure. */
  #reason: string | undefined
  #starts = 0
  readonly #lines: { readonly at: number; readonly text: string }[] = []

  constructor({ name, settings, log, limits, now = Date.now }: McpServerOptions) {
    this.name = name
    this.filter = { allow: settings.allow, deny: settings.deny }
    this.#settings = settings
    this.#log = log
    this.#limits = { ...LIMITS, ...limits }
    this.#now = now
    this.#backoff = new Backoff(now)
  }

  /** Starts it when it is down. The first callers wait for the list, `patienceMs` at most. */
  async tools(): Promise<readonly SourcedTool[]> {
    const starting = this.#start()
    if (starting) {
      this.#patience ??= patience(this.#limits.patienceMs, this.#closing.signal)
      await Promise.race([starting, this.#patience])
    }
    return this.#tools
  }

  status(): SourceStatus {
    const down = this.#reason === undefined ? { state: 'idle' as const } : { state: 'down' as const, reason: this.#reason }
    return {
      id: `mcp:${this.name}`,
      name: this.name,
      ...(this.#connection ? { state: 'up' } : this.#starting ? { state: 'starting' } : down),
      log: [...this.#lines],
      restarts: Math.max(0, this.#starts - 1)
    }
  }

  /** Ends it, for good. */
  async close(): Promise<void> {
    this.#closing.abort(new Error('the gateway is shutting down'))
    this.#tools = []
    await this.#starting
    await this.#connection?.close()
  }

  /** Never rejects. Undefined: it is up, or may not be tried yet. */
  #start(): Promise<void> | undefined {
    if (this.#starting) return this.#starting
    if (this.#connection || this.#closing.signal.aborted || this.#backoff.waitMs > 0) return undefined
    this.#starting = this.#open().finally(() => {
      this.#starting = undefined
    })
    return this.#starting
  }

  async #open(): Promise<void> {
    const { signal } = this.#closing
    this.#starts++
    try {
      const connection = await McpConnection.open({
        settings: this.#settings,
        limits: this.#limits,
        log: this.#log,
        signal,
        onTools: (tools) => {
          if (!signal.aborted) this.#tools = tools.map((tool) => this.#sourced(tool))
        },
        onLine: (line) => this.#keep(line)
      })
      this.#connection = connection
      const upSince = this.#now()
      void connection.ended.then((reason) => this.#ended(connection, reason, upSince))
      this.#log.info({ tools: this.#tools.length }, 'MCP server started')
    } catch (cause) {
      if (signal.aborted) return
      this.#backoff.failed()
      this.#down(reasonOf(cause, this.#settings))
    }
  }

  #ended(connection: McpConnection, reason: string, upSince: number): void {
    // Not the current connection any more, or ended by the gateway.
    if (this.#connection !== connection || this.#closing.signal.aborted) return
    this.#connection = undefined
    this.#backoff.failed(upSince)
    this.#down(reasonOf(reason, this.#settings))
  }

  #down(reason: string): void {
    this.#reason = reason
    const stderr = this.#lines.slice(-LAST_LINES).map(({ text }) => text)
    this.#log.warn(
      { reason, retryInMs: this.#backoff.waitMs, ...(stderr.length > 0 ? { stderr } : {}) },
      'MCP server is not running'
    )
  }

  #keep(text: string): void {
    this.#log.debug({ stderr: text }, 'output of an MCP server')
    this.#lines.push({ at: this.#now(), text })
    if (this.#lines.length > MAX_LINES) this.#lines.shift()
  }

  #sourced({ name, description, inputSchema, destructive, check }: ServedTool): SourcedTool {
    return {
      name: `${this.name}.${name}`,
      description,
      inputSchema,
      destructive,
      issues: check,
      run: (args, { signal }) => this.#call(name, args, signal)
    }
  }

  /** @throws RpcError with the failure, for the model and for people; the signal's reason after an abort */
  async #call(tool: string, args: Record<string, unknown>, signal: AbortSignal): Promise<ToolOutput> {
    const connection = await this.#reach(signal)
    try {
      return outputOf(await connection.call(tool, args, signal))
    } catch (cause) {
      if (!(cause instanceof SessionExpired)) throw this.#failure(cause, signal)
      if (this.#connection === connection) {
        this.#connection = undefined
        void connection.close()
      }
    }
    // The server has not done anything yet, so the call may be made again; once.
    const again = await this.#reach(signal)
    try {
      return outputOf(await again.call(tool, args, signal))
    } catch (cause) {
      throw this.#failure(cause, signal)
    }
  }

  async #reach(signal: AbortSignal): Promise<McpConnection> {
    signal.throwIfAborted()
    if (this.#connection) return this.#connection
    const starting = this.#start()
    if (starting) await orAborted(starting, signal)
    if (this.#connection) return this.#connection
    const last = this.#lines.at(-1)
    const seconds = Math.ceil(this.#backoff.waitMs / 1000)
    const details = [
      this.#reason ?? 'it has not been started',
      ...(last ? [`its last output: ${last.text}`] : []),
      ...(seconds > 0 ? [`next attempt in ${seconds} s`] : [])
    ]
    throw new RpcError('InternalError', `MCP server '${this.name}' is not running: ${details.join('; ')}`)
  }

  #failure(cause: unknown, signal: AbortSignal): unknown {
    if (signal.aborted) return cause
    // The server's own words, which may hold its secrets.
    if (cause instanceof RpcError) return new RpcError('InternalError', shown(cause.message, this.#settings, MAX_SAID), { cause })
    const reason = reasonOf(cause, this.#settings)
    return new RpcError('InternalError', `MCP server '${this.name}' failed: ${reason}`, { cause })
  }
}

/** Settles after a while, or at once when the gateway closes. */
function patience(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms).unref()
    const end = (): void => {
      clearTimeout(timer)
      resolve()
    }
    signal.addEventListener('abort', end, { once: true })
  })
}

async function orAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const stop = Promise.withResolvers<void>()
  const abort = (): void => stop.reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    await Promise.race([work, stop.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
