import type { FastifyBaseLogger } from 'fastify'
import { RpcError } from '../../rpc/errors.ts'
import type { SourcedTool, ToolOutput, ToolSource } from '../tools/define.ts'
import { Backoff } from './backoff.ts'
import { McpConnection, type ServedTool, SessionExpired } from './connection.ts'
import { reasonOf, shown } from './failure-reason.ts'
import { outputOf } from './result.ts'
import { LIMITS, type Limits, type ServerSettings } from './server-options.ts'

/** Characters of what a tool says of its failure. */
const MAX_SAID = 1000

export interface McpServerOptions {
  readonly name: string
  readonly settings: ServerSettings
  readonly log: FastifyBaseLogger
  readonly limits?: Partial<Limits>
  readonly now?: () => number
}

/**
 * One configured server, there or not.
 *
 *     down ──somebody needs it, and it may be tried──▶ starting ──greeted and listed──▶ up
 *      ▲                                                  │ failed                      │ ended
 *      └──────────────────────────────────────────────────┴─────────────────────────────┘
 *
 * Its tools are those of the last list that was read, also while it is down: a call is what starts it again.
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
  /** Settled once nobody waits for a list any more, whether it came or not. */
  #patience: Promise<void> | undefined
  /** Why it is down. */
  #reason = 'it was not needed yet'

  constructor({ name, settings, log, limits, now = Date.now }: McpServerOptions) {
    this.name = name
    this.filter = { allow: settings.allow, deny: settings.deny }
    this.#settings = settings
    this.#log = log
    this.#limits = { ...LIMITS, ...limits }
    this.#now = now
    this.#backoff = new Backoff(now)
  }

  /** Starts it when it is not there. Whoever asks first waits for the list, a few seconds at the most. */
  async tools(): Promise<readonly SourcedTool[]> {
    const starting = this.#start()
    if (starting) {
      this.#patience ??= patience(this.#limits.patienceMs, this.#closing.signal)
      await Promise.race([starting, this.#patience])
    }
    return this.#tools
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
    try {
      const connection = await McpConnection.open({
        settings: this.#settings,
        limits: this.#limits,
        log: this.#log,
        signal,
        onTools: (tools) => {
          if (!signal.aborted) this.#tools = tools.map((tool) => this.#sourced(tool))
        }
      })
      this.#connection = connection
      const upSince = this.#now()
      void connection.ended.then((reason) => this.#ended(connection, reason, upSince))
      this.#log.info({ tools: this.#tools.length }, 'an MCP server is there')
    } catch (cause) {
      if (signal.aborted) return
      this.#backoff.failed()
      this.#down(reasonOf(cause, this.#settings))
    }
  }

  #ended(connection: McpConnection, reason: string, upSince: number): void {
    // One that was replaced, or that we ended ourselves.
    if (this.#connection !== connection || this.#closing.signal.aborted) return
    this.#connection = undefined
    this.#backoff.failed(upSince)
    this.#down(reasonOf(reason, this.#settings))
  }

  #down(reason: string): void {
    this.#reason = reason
    this.#log.warn({ reason, retryInMs: this.#backoff.waitMs }, 'an MCP server is not there')
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

  /** @throws RpcError with what went wrong, for the model and for people; the signal's reason after an abort */
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
    // The server has not done anything yet, so it may be asked again; once.
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
    const seconds = Math.ceil(this.#backoff.waitMs / 1000)
    const when = seconds > 0 ? `; it is tried again in ${seconds} s` : ''
    throw new RpcError('InternalError', `The MCP server '${this.name}' is not there: ${this.#reason}${when}`)
  }

  #failure(cause: unknown, signal: AbortSignal): unknown {
    if (signal.aborted) return cause
    // The server's own words, which may be any of what it was given.
    if (cause instanceof RpcError) return new RpcError('InternalError', shown(cause.message, this.#settings, MAX_SAID), { cause })
    const reason = reasonOf(cause, this.#settings)
    return new RpcError('InternalError', `The MCP server '${this.name}' did not do it: ${reason}`, { cause })
  }
}

/** Settles after a while, or at once when nobody has anything to wait for any more. */
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
