import { randomUUID } from 'node:crypto'
import type { FastifyBaseLogger } from 'fastify'
import { invalidParams, RpcError } from '../../rpc/errors.ts'
import { masked } from '../../rpc/shown.ts'
import { compile, type Validate } from '../../rpc/validate.ts'
import { Collection } from '../../types.ts'
import type { Audit } from '../audit.ts'
import type { GatewayLanes } from '../lanes/index.ts'
import type { ToolSpec } from '../providers/define.ts'
import { type AnyTool, ToolError, type ToolOutput, type ToolResult } from './define.ts'
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
}

interface Entry {
  readonly name: string
  readonly tool: AnyTool
  readonly spec: ToolSpec
  readonly validate: Validate<Record<string, unknown>>
}

/** What every provider takes, its dots becoming `_`; MCP servers use more than our own names do. */
const NAME = /^[a-z][a-z0-9_-]*(\.[A-Za-z][A-Za-z0-9_-]*)+$/
const MAX_NAME = 64
/** Enough of the arguments to see in the audit log what was asked for. */
const MAX_AUDITED = 200
/** Characters of an error: enough for any honest one. */
const MAX_ERROR = 1000

/** What an unforeseen error is shown as; the error itself goes to the log. */
const UNFORESEEN = 'the tool failed'

/** The tools of the gateway, and the one way to run them: checked, recorded, and with errors that may be shown. */
export class Toolbox {
  readonly #entries = new Collection<Entry>('tool')
  readonly #options: ToolboxOptions

  constructor(options: ToolboxOptions) {
    this.#options = options
  }

  /** Adds a tool. A name that is taken or malformed, or a schema that is not that of an object, stops the start. */
  add(tool: AnyTool): void {
    const { name, description, input } = tool
    if (!NAME.test(name) || name.length > MAX_NAME) {
      throw new Error(`tool '${name}': a name looks like 'group.verb' and has at most ${MAX_NAME} characters`)
    }
    if (input?.type !== 'object') throw new Error(`tool '${name}': input must be a schema of an object`)
    this.#entries.add({
      name,
      tool,
      // Through JSON: what is left is plain JSON Schema, without TypeBox's own marks.
      spec: { name, description, inputSchema: JSON.parse(JSON.stringify(input)) },
      validate: compile(input, 'args')
    })
  }

  get(name: string): AnyTool | undefined {
    return this.#entries.get(name)?.tool
  }

  list(): AnyTool[] {
    return this.#entries.list().map(({ tool }) => tool)
  }

  specs(): ToolSpec[] {
    return this.#entries.list().map(({ spec }) => spec)
  }

  /**
   * The arguments as the tool will get them: a copy, defaults filled in.
   * @throws RpcError ToolNotFound, or InvalidRequest with paths below `root`, such as `args.command`
   */
  check(name: string, args: unknown, root = 'args'): Record<string, unknown> {
    const entry = this.#entries.get(name)
    if (!entry) throw new RpcError('ToolNotFound', `Unknown tool: ${JSON.stringify(name.slice(0, 100))}`)
    const checked = entry.validate(structuredClone(args))
    if (!('issues' in checked)) return checked.value
    throw invalidParams(checked.issues.map(({ path, message }) => ({ path: path.replace('args', root), message })))
  }

  /**
   * Runs a tool now. A tool that fails is a result, not an error.
   * @throws what `check` throws; the signal's reason when the run was aborted
   */
  async run(name: string, args: unknown, { sessionId, signal, log, actor }: RunOptions): Promise<ToolResult> {
    const checked = this.check(name, args)
    signal.throwIfAborted()
    const { dataDir, audit } = this.#options
    const workspace = workspacePath(dataDir, sessionId)
    const shownArgs = masked(JSON.stringify(checked), { limit: MAX_AUDITED })
    const record = (end: { success: boolean; aborted?: true }): void =>
      audit.record('tool.run', actor, { tool: name, sessionId, ...end, args: shownArgs })
    // At once, and not when the tool has ended: one that ignores its signal may never do so.
    const aborted = (): void => record({ success: false, aborted: true })
    signal.addEventListener('abort', aborted, { once: true })
    try {
      const context = { signal, session: { id: sessionId, workspace }, log }
      const result = await outcome(this.get(name)!, checked, context, [workspace, dataDir])
      if (!signal.aborted) record({ success: result.success })
      return result
    } finally {
      signal.removeEventListener('abort', aborted)
    }
  }

  /**
   * Runs a tool for a client. One that need not wait for the session's turn gets a lane of its own: the same deadline,
   * the same end, whatever the tool does.
   * @throws RpcError also for what the lane or an abort did to it
   */
  async execute(name: string, args: unknown, options: RunOptions): Promise<ToolResult> {
    const { sessionId, signal, actor } = options
    const { lanes } = this.#options
    const own = this.get(name)?.inLane ? undefined : `tool:${randomUUID()}`
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
}

async function outcome(
  tool: AnyTool,
  args: Record<string, unknown>,
  context: Parameters<AnyTool['run']>[1],
  hidden: readonly string[]
): Promise<ToolResult> {
  try {
    const returned: string | ToolOutput = await tool.run(args, context)
    const { output, attachments = [] } = typeof returned === 'string' ? { output: returned } : returned
    if (typeof output !== 'string') throw new TypeError('a tool returns a text, or an object with the text as its output')
    return { success: true, output, error: null, attachments }
  } catch (cause) {
    context.signal.throwIfAborted()
    if (cause instanceof ToolError || cause instanceof RpcError) {
      const output = cause instanceof ToolError ? cause.output : ''
      return { success: false, output, error: masked(cause.message, { hidden, limit: MAX_ERROR }), attachments: [] }
    }
    context.log.error({ err: cause, tool: tool.name }, 'a tool failed in a way it did not foresee')
    return { success: false, output: '', error: UNFORESEEN, attachments: [] }
  }
}
