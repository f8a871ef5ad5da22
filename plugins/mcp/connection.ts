import { createRequire } from 'node:module'
import type { Client, StandardSchemaV1, Transport } from '@modelcontextprotocol/client'
import type { FastifyBaseLogger } from 'fastify'
import { type Check, checkOf, schemaEngine } from '../../rpc/json-schema.ts'
import { printable } from '../../security/sanitize.ts'
import { reasonOf, shown } from './failure-reason.ts'
import { boundedFetch, speaksOldSse } from './http.ts'
import { Lines } from './lines.ts'
import { type ListedTool, list } from './listing.ts'
import type { Limits, ServerSettings } from './server-options.ts'
import { StdioTransport } from './stdio.ts'

const { version } = createRequire(import.meta.url)('#package.json') as { version: string }

/** Least delay before a lost stream is opened again. A server may ask for none at all. */
const MIN_RECONNECT_MS = 250
/** Calls in a row without an answer. A server that hangs keeps what it was sent; it is better started anew. */
const MAX_UNANSWERED = 4

/** Names in the log of tools that are left out. */
const MAX_NAMED = 20

/** Takes any result: answers of strangers are checked entry by entry, so that one odd member does not lose the others. */
const UNCHECKED = {
  '~standard': { version: 1, vendor: 'flynn-gateway', validate: (value: unknown) => ({ value }) }
} as const satisfies StandardSchemaV1

type Sdk = typeof import('@modelcontextprotocol/client')

/** A tool as its server describes it, and the check of its arguments. */
export interface ServedTool extends ListedTool {
  readonly check: Check
}

export interface McpConnectionOptions {
  readonly settings: ServerSettings
  readonly limits: Limits
  readonly log: FastifyBaseLogger
  /** Aborted: nothing is started any more, and a start that is under way is ended. */
  readonly signal: AbortSignal
  /** Receives the list, and each later one. */
  onTools(tools: readonly ServedTool[]): void
  /** Receives each line that the program prints to stderr, without secrets. */
  onLine(line: string): void
}

/** The server has forgotten the session, and has done nothing with the call. */
export class SessionExpired extends Error {}

/** A live server: started, greeted, its tools listed. */
export class McpConnection {
  /** Reason of its end. Never rejects. */
  readonly ended: Promise<string>

  readonly #options: McpConnectionOptions
  readonly #sdk: Sdk
  readonly #transport: Transport & { end?: string | undefined }
  readonly #client: Client
  readonly #end = Promise.withResolvers<string>()
  #gaveUp: string | undefined
  #unanswered = 0
  #refreshing = false
  #changed = false
  #refreshTimer: NodeJS.Timeout | undefined
  #closed = false
  #schemas: ReadonlyMap<string, ListedTool['inputSchema']> = new Map()

  /** @throws Error with the reason when it cannot be started; nothing of it is left then */
  static async open(options: McpConnectionOptions): Promise<McpConnection> {
    // Loaded lazily: it takes a tenth of a second and 25 MB, and most gateways have no MCP server.
    const sdk = await import('@modelcontextprotocol/client')
    try {
      return await McpConnection.#open(sdk, 'legacy', options).catch((cause: unknown) => {
        // Servers of before 2026 may end at a request they do not know, hence their greeting first.
        if (!isRefusal(cause)) throw cause
        return McpConnection.#open(sdk, 'auto', options)
      })
    } catch (cause) {
      throw await explained(cause, options)
    }
  }

  static async #open(sdk: Sdk, mode: 'legacy' | 'auto', options: McpConnectionOptions): Promise<McpConnection> {
    options.signal.throwIfAborted()
    const connection = new McpConnection(sdk, mode, options)
    const deadline = AbortSignal.timeout(options.limits.startMs)
    const signal = AbortSignal.any([deadline, options.signal])
    try {
      await Promise.race([connection.#greet(signal), aborted(signal)])
      return connection
    } catch (cause) {
      await connection.close()
      options.signal.throwIfAborted()
      if (deadline.aborted) throw new Error(`it was not ready within ${options.limits.startMs / 1000} seconds`)
      const { end } = connection.#transport
      throw connection.#gaveUp || (end && isClosed(cause)) ? new Error(connection.#gaveUp ?? end) : cause
    }
  }

  private constructor(sdk: Sdk, mode: 'legacy' | 'auto', options: McpConnectionOptions) {
    this.#sdk = sdk
    this.#options = options
    this.ended = this.#end.promise
    this.#transport = options.settings.url === undefined ? this.#stdio() : this.#http(options.settings.url)
    this.#client = new sdk.Client(
      { name: 'flynn-gateway', version },
      {
        // Nothing is offered: no sampling, no elicitation, no roots.
        capabilities: {},
        inputRequired: { autoFulfill: false },
        versionNegotiation: { mode },
        listChanged: { tools: { autoRefresh: false, debounceMs: 0, onChanged: () => this.#refreshSoon() } }
      }
    )
    const request = this.#client.request.bind(this.#client) as (...args: readonly unknown[]) => Promise<unknown>
    // The SDK refuses a whole result for one content of a type it does not know.
    const unchecked = (call: { readonly method: string }, ...rest: readonly unknown[]): Promise<unknown> =>
      call.method === 'tools/call' ? request(call, UNCHECKED, ...rest) : request(call, ...rest)
    Object.assign(this.#client, { request: unchecked })
    this.#client.onclose = () => this.#gone()
    this.#client.onerror = (error) => {
      options.log.debug({ reason: reasonOf(error, options.settings) }, 'MCP server violates the protocol')
    }
  }

  /**
   * @throws SessionExpired when the call can be made again on another connection; the signal's reason after an abort;
   * Error when there is no answer, or an error instead of one
   */
  async call(name: string, args: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<unknown> {
    const { callMs } = this.#options.limits
    // Without the schema of its output: the result becomes text and is not validated.
    const toolDefinition = { name, inputSchema: { ...this.#schemas.get(name), type: 'object' as const } }
    try {
      const result = await this.#client.callTool({ name, arguments: { ...args } }, { signal, timeout: callMs, toolDefinition })
      this.#unanswered = 0
      return result
    } catch (cause) {
      // A cancelled call has no answer to wait for.
      signal.throwIfAborted()
      if (isTimeout(cause)) {
        this.#missed()
        throw new Error(`it did not answer within ${callMs / 1000} seconds`, { cause })
      }
      if (isClosed(cause)) throw new Error(await this.ended, { cause })
      this.#unanswered = 0
      // 404 by the protocol; many servers say 400.
      const { status } = cause as { status?: unknown }
      if (this.#transport.sessionId !== undefined && (status === 404 || status === 400)) {
        throw new SessionExpired('the session has expired', { cause })
      }
      throw cause
    }
  }

  /** Ends it, with its program if it has one. Never rejects. */
  async close(): Promise<void> {
    const transport = this.#transport
    if (transport instanceof this.#sdk.StreamableHTTPClientTransport && !this.#gaveUp) {
      const { graceMs } = this.#options.limits
      await Promise.race([transport.terminateSession(), aborted(AbortSignal.timeout(graceMs))]).catch(() => {})
    }
    await this.#client.close().catch(() => {})
    // The client drops a transport that failed early; its program may still run.
    await transport.close().catch(() => {})
    this.#gone()
  }

  #gone(): void {
    this.#closed = true
    clearTimeout(this.#refreshTimer)
    this.#end.resolve(this.#gaveUp ?? this.#transport.end ?? 'the connection was closed')
  }

  #giveUp(reason: string): void {
    this.#gaveUp ??= reason
    void this.close()
  }

  #stdio(): StdioTransport {
    const { settings, limits, onLine } = this.#options
    const lines = new Lines((line) => onLine(shown(line, settings)))
    void this.ended.then(() => lines.end())
    return new StdioTransport({
      command: settings.command ?? '',
      args: settings.args,
      env: settings.env,
      cwd: settings.cwd,
      graceMs: limits.graceMs,
      parse: this.#sdk.deserializeMessage,
      onStderr: (chunk) => lines.add(chunk)
    })
  }

  /** Redirects are followed within the origin only, which is the SDK's default: the headers hold credentials. */
  #http(url: string): Transport {
    return new this.#sdk.StreamableHTTPClientTransport(new URL(url), {
      requestInit: { headers: { ...this.#options.settings.headers } },
      fetch: boundedFetch((reason) => this.#giveUp(reason.message)),
      reconnectionScheduler(reconnect, delay) {
        const timer = setTimeout(reconnect, Math.max(delay, MIN_RECONNECT_MS)).unref()
        return () => clearTimeout(timer)
      }
    })
  }

  async #greet(signal: AbortSignal): Promise<void> {
    const timeout = this.#options.limits.startMs
    await this.#client.connect(this.#transport, { signal, timeout })
    await this.#list(signal)
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { onTools, log, limits } = this.#options
    const client = this.#client
    const { tools, leftOut, more } = client.getServerCapabilities()?.tools
      ? await list((cursor) =>
          client.request({ method: 'tools/list', params: cursor === undefined ? {} : { cursor } }, UNCHECKED, {
            signal,
            timeout: limits.startMs
          })
        )
      : { tools: [], leftOut: [], more: false }
    if (leftOut.length > 0 || more) {
      const names = leftOut.slice(0, MAX_NAMED).map((name) => printable(name, 64))
      const fields = { tools: tools.length, leftOut: leftOut.length, names, ...(more ? { more } : {}) }
      log.warn(fields, 'some tools of an MCP server are left out: too many, too large, or malformed')
    }
    const engine = await schemaEngine()
    this.#schemas = new Map(tools.map((tool) => [tool.name, tool.inputSchema]))
    onTools(tools.map((tool) => ({ ...tool, check: checkOf(tool.inputSchema, engine) })))
  }

  /** Reads the list again: one read at a time, at most one in `refreshMs`, and a last one after the last change. */
  #refreshSoon(): void {
    this.#changed = true
    if (this.#refreshing) return
    this.#refreshing = true
    void this.#refresh()
  }

  async #refresh(): Promise<void> {
    const { limits, signal, log, settings } = this.#options
    while (this.#changed && !this.#closed) {
      this.#changed = false
      try {
        await this.#list(AbortSignal.any([signal, AbortSignal.timeout(limits.startMs)]))
        log.debug({ tools: this.#schemas.size }, 'MCP server has changed its list of tools')
      } catch (cause) {
        log.warn({ reason: reasonOf(cause, settings) }, 'failed to read the changed list of an MCP server')
      }
      await new Promise<void>((resolve) => {
        this.#refreshTimer = setTimeout(resolve, limits.refreshMs).unref()
      })
    }
    this.#refreshing = false
  }

  #missed(): void {
    if (++this.#unanswered >= MAX_UNANSWERED) this.#giveUp(`it left ${MAX_UNANSWERED} calls in a row unanswered`)
  }
}

/** The server refuses this way of greeting and asks for another one. */
function isRefusal(cause: unknown): boolean {
  if (!(cause instanceof Error)) return false
  const { name, status } = cause as { name: string; status?: unknown }
  return (
    name === 'ProtocolError' ||
    name === 'UnsupportedProtocolVersionError' ||
    status === 400 ||
    /protocol version/.test(cause.message)
  )
}

/** An address with the older HTTP and SSE refuses the POST of streamable HTTP in one of several ways. */
async function explained(cause: unknown, { settings, limits, signal }: McpConnectionOptions): Promise<unknown> {
  const { status } = cause as { status?: unknown }
  if (settings.url === undefined || typeof status !== 'number' || status < 400 || status >= 500) return cause
  const patience = AbortSignal.any([signal, AbortSignal.timeout(limits.graceMs)])
  if (!(await speaksOldSse(settings.url, settings.headers, patience))) return cause
  return new Error('it speaks only HTTP with SSE of 2024, which is not supported: use the address of its streamable HTTP')
}

function isTimeout(cause: unknown): boolean {
  return (cause as { code?: unknown }).code === 'REQUEST_TIMEOUT'
}

function isClosed(cause: unknown): boolean {
  const { code, message } = cause as { code?: unknown; message?: unknown }
  return code === 'CONNECTION_CLOSED' || code === 'NOT_CONNECTED' || message === 'Not connected'
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = (): void => reject(signal.reason)
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })
}
