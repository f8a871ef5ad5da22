import { randomUUID } from 'node:crypto'
import type { FastifyBaseLogger } from 'fastify'
import type { Db } from '../../db/client.ts'
import { invalidParams, RpcError } from '../../rpc/errors.ts'
import { elevationOf } from '../../rpc/schemas/session.ts'
import type { Masker } from '../../security/masking/masker.ts'
import { masked } from '../../security/sanitize.ts'
import type { Audit } from '../audit/index.ts'
import type { GatewayLanes } from '../lanes/index.ts'
import type { ToolSpec } from '../providers/define.ts'
import { handedBack } from './attachments.ts'
import { Catalog, type Entry } from './catalog.ts'
import {
  type AnyTool,
  type SourcedTool,
  type ToolContext,
  ToolError,
  type ToolOutput,
  type ToolResult,
  type ToolSource
} from './define.ts'
import { workspacePath } from './workspace.ts'

export interface RunOptions {
  readonly sessionId: string
  readonly signal: AbortSignal
  readonly log: FastifyBaseLogger
  /** The principal on whose behalf the tool runs. */
  readonly actor: string
}

export interface ToolboxOptions {
  /** Workspaces are made below it. Absolute. */
  readonly dataDir: string
  readonly audit: Pick<Audit, 'record'>
  readonly lanes: Pick<GatewayLanes, 'run' | 'cancel'>
  readonly sessions: Pick<Db['sessions'], 'get'>
  readonly log: Pick<FastifyBaseLogger, 'warn'>
  /** What the operator asks for, as it is now: names of tools. */
  restricted(): { readonly confirm: readonly string[]; readonly elevated: readonly string[] }
  /** Knows the secrets of the gateway, as they are now. Absent: they are known by their shapes and places alone. */
  readonly masker?: () => Masker
  readonly now?: () => number
}

/** One call of a tool that can be made: the tool as it was found, and exactly the arguments that it will get. */
export interface PreparedCall {
  readonly tool: string
  /** Checked, defaults filled in, frozen to the last value in them. */
  readonly args: Readonly<Record<string, unknown>>
  /** A person has to confirm it when the agent wants it. */
  readonly confirm: boolean
  /** Why it may not run in this session now; for the model and for people. */
  refusal(sessionId: string): Promise<string | undefined>
  /**
   * Runs it now. A tool that fails, or may not run, is a result and not an error.
   * @throws the signal's reason when the run was aborted
   */
  run(options: RunOptions): Promise<ToolResult>
}

/** Is put around every run of a tool, to measure it or to give it an async context: calls `run` once and answers what it answers. */
export type AroundTool = (tool: string, options: RunOptions, run: () => Promise<ToolResult>) => Promise<ToolResult>

/** Characters of an error: enough for any honest one. */
const MAX_ERROR = 1000

/** What an unforeseen error is shown as; the error itself goes to the log. */
const UNFORESEEN = 'the tool failed'

/** The tools of the gateway, and the one way to run them: checked, recorded, and with errors that may be shown. */
export class Toolbox {
  readonly #catalog: Catalog
  readonly #options: ToolboxOptions
  #around: AroundTool = (_tool, _options, run) => run()

  constructor(options: ToolboxOptions) {
    this.#catalog = new Catalog(options)
    this.#options = options
  }

  /** Adds a tool. A name that is taken or malformed, or a schema that is not that of an object, stops the start. */
  add(tool: AnyTool): void {
    this.#catalog.add(tool)
  }

  /** Puts something around every run of a tool; what comes last is the outermost. */
  around(outer: AroundTool): void {
    const inner = this.#around
    this.#around = (tool, options, run) => outer(tool, options, () => inner(tool, options, run))
  }

  /** Adds tools that come and go. A name that is malformed, or taken by another source or by tools of the gateway, stops the start. */
  addSource(source: ToolSource): void {
    this.#catalog.addSource(source)
  }

  /** Names for which something is asked in the configuration though no tool can have them: it is switched off, or misspelt. */
  misnamed(): string[] {
    const { confirm, elevated } = this.#options.restricted()
    return [...new Set([...confirm, ...elevated])].filter((name) => !this.#catalog.mayHave(name))
  }

  async get(name: string): Promise<AnyTool | SourcedTool | undefined> {
    return (await this.#catalog.get(name))?.tool
  }

  /** In the order in which they were added, those of sources last. */
  async specs(): Promise<ToolSpec[]> {
    return (await this.#catalog.list()).map(({ spec }) => spec)
  }

  /**
   * The arguments as the tool will get them: a copy, defaults filled in, frozen.
   * @throws RpcError ToolNotFound, or InvalidRequest with paths below `root`, such as `args.command`
   */
  async check(name: string, args: unknown, root = 'args'): Promise<Readonly<Record<string, unknown>>> {
    return (await this.prepare(name, args, root)).args
  }

  /**
   * The first half of `run`, for whoever has to ask a person before the second.
   * @throws what `check` throws
   */
  async prepare(name: string, args: unknown, root = 'args'): Promise<PreparedCall> {
    const entry = await this.#catalog.get(name)
    if (!entry) throw new RpcError('ToolNotFound', `Unknown tool: ${JSON.stringify(name.slice(0, 100))}`)
    const checked = entry.check(args)
    if ('issues' in checked) {
      throw invalidParams(checked.issues.map(({ path, message }) => ({ path: path.replace('args', root), message })))
    }
    const frozen = deepFrozen(checked.value)
    return {
      tool: name,
      args: frozen,
      confirm: this.#options.restricted().confirm.includes(name),
      refusal: (sessionId) => this.#refusal(name, sessionId),
      run: (options) => this.#around(name, options, () => this.#run(entry, frozen, options))
    }
  }

  /**
   * Runs a tool now. A tool that fails is a result, not an error.
   * @throws what `check` throws; the signal's reason when the run was aborted
   */
  async run(name: string, args: unknown, options: RunOptions): Promise<ToolResult> {
    return await (await this.prepare(name, args)).run(options)
  }

  /**
   * Runs a tool for a client. One that need not wait for the session's turn gets a lane of its own: the same deadline,
   * the same end, whatever the tool does.
   * @throws RpcError also for what the lane or an abort did to it
   */
  async execute(name: string, args: unknown, options: RunOptions): Promise<ToolResult> {
    const { sessionId, signal, actor } = options
    const { lanes } = this.#options
    const inLane = (await this.#catalog.get(name))?.inLane
    const own = inLane ? undefined : `tool:${randomUUID()}`
    const gone = (): void => {
      if (own !== undefined) lanes.cancel(own)
    }
    signal.addEventListener('abort', gone, { once: true })
    try {
      return await lanes.run(own ?? sessionId, {
        owner: actor,
        run: (turn) => this.run(name, args, { ...options, signal: AbortSignal.any([turn.signal, signal]) })
      })
    } catch (cause) {
      if (cause instanceof Error && cause.name === 'AbortError') {
        throw new RpcError('RequestCancelled', 'Cancelled before the tool was done', { cause })
      }
      throw cause
    } finally {
      signal.removeEventListener('abort', gone)
    }
  }

  async #run({ name, tool }: Entry, args: Record<string, unknown>, options: RunOptions): Promise<ToolResult> {
    const { sessionId, signal, log, actor } = options
    signal.throwIfAborted()
    const { dataDir, audit, masker } = this.#options
    const workspace = workspacePath(dataDir, sessionId)
    const record = (end: { success: boolean; aborted?: true; refused?: true }): void =>
      audit.record('tool.run', actor, { tool: name, sessionId, ...end, args: JSON.stringify(args) })
    // At once, and not when the tool has ended: one that ignores its signal may never do so.
    const aborted = (): void => record({ success: false, aborted: true })
    signal.addEventListener('abort', aborted, { once: true })
    try {
      const refusal = await this.#refusal(name, sessionId)
      signal.throwIfAborted()
      if (refusal !== undefined) {
        record({ success: false, refused: true })
        return { success: false, output: '', error: refusal, attachments: [] }
      }
      const context = { signal, session: { id: sessionId, workspace }, log }
      const result = await outcome(tool, args, context, { hidden: [workspace, dataDir], masker })
      if (!signal.aborted) record({ success: result.success })
      return result
    } finally {
      signal.removeEventListener('abort', aborted)
    }
  }

  async #refusal(name: string, sessionId: string): Promise<string | undefined> {
    const { restricted, sessions, now = Date.now } = this.#options
    if (!restricted().elevated.includes(name)) return undefined
    const { active } = elevationOf((await sessions.get(sessionId))?.config.elevation, now())
    if (active) return undefined
    return `${name} runs only while this session is elevated, and it is not: an operator can allow it for some time with /elevate 10m`
  }
}

/** Nothing in it can be changed any more: what somebody was shown is what it stays. */
function deepFrozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const inside of Object.values(value)) deepFrozen(inside)
  return Object.freeze(value)
}

async function outcome(
  tool: AnyTool | SourcedTool,
  args: Record<string, unknown>,
  context: ToolContext,
  { hidden, masker }: { readonly hidden: readonly string[]; readonly masker: (() => Masker) | undefined }
): Promise<ToolResult> {
  try {
    const returned: string | ToolOutput = await tool.run(args, context)
    const { output, attachments = [] } = typeof returned === 'string' ? { output: returned } : returned
    if (typeof output !== 'string') throw new TypeError('a tool returns a text, or an object with the text as its output')
    return { success: true, error: null, ...handedBack(output, attachments) }
  } catch (cause) {
    context.signal.throwIfAborted()
    if (cause instanceof ToolError || cause instanceof RpcError) {
      const output = cause instanceof ToolError ? cause.output : ''
      const error = masked(cause.message, { hidden, masker: masker?.(), limit: MAX_ERROR })
      return { success: false, output, error, attachments: [] }
    }
    context.log.error({ err: cause, tool: tool.name }, 'a tool failed in a way it did not foresee')
    return { success: false, output: '', error: UNFORESEEN, attachments: [] }
  }
}
