import { randomUUID } from 'node:crypto'
import type { FastifyBaseLogger } from 'fastify'
import { estimateTokenCount } from 'tokenx'
import type { Db } from '../../db/client.ts'
import { invalidParams, RpcError } from '../../rpc/errors.ts'
import { elevationOf } from '../../rpc/schemas/session.ts'
import type { Masker } from '../../security/masking/masker.ts'
import type { Audit } from '../audit/index.ts'
import type { Config } from '../config/index.ts'
import type { Hooks } from '../hooks/index.ts'
import type { GatewayLanes } from '../lanes/index.ts'
import type { ToolSpec } from '../providers/define.ts'
import { Catalog, type Entry, entryOf } from './catalog.ts'
import type { Access, AnyTool, SourcedTool, SourceStatus, ToolResult, ToolSource } from './define.ts'
import { KnownTools } from './known-tools.ts'
import { outcome } from './outcome.ts'
import { namesTool } from './patterns.ts'
import { CALL, searchTools } from './search.ts'
import { workspacePath } from './workspace.ts'

export interface RunOptions {
  readonly sessionId: string
  readonly signal: AbortSignal
  readonly log: FastifyBaseLogger
  /** Principal on whose behalf the tool runs. */
  readonly actor: string
  /** Rights of that principal. Default: `owner`. */
  readonly access?: Access
}

export interface ToolboxOptions {
  /** Workspaces are made below it. Absolute. */
  readonly dataDir: string
  readonly hooks: Pick<Hooks, 'run'>
  readonly audit: Pick<Audit, 'record'>
  readonly lanes: Pick<GatewayLanes, 'run' | 'cancel'>
  readonly sessions: Pick<Db['sessions'], 'get'>
  /** Keeps the tools of sources that a person knows. */
  readonly store: Pick<ReturnType<Db['plugin']>, 'get' | 'set'>
  readonly log: Pick<FastifyBaseLogger, 'info' | 'warn'>
  /** Settings of the operator in force. */
  settings(): Pick<Config['tools'], 'allow' | 'deny' | 'confirm' | 'elevated' | 'guests' | 'max'>
  /** Bounds in force. */
  limits(): Pick<Config['limits'], 'toolArgsBytes' | 'toolResultBytes'>
  /** Creates a session on its first use. */
  openSession(sessionId: string): Promise<void>
  /** Knows the secrets of the gateway in force. Absent: secrets are recognised by their shapes and places alone. */
  readonly masker?: () => Masker
  readonly now?: () => number
}

/** One call of a tool that can be made: the tool as it was found, and exactly the arguments that it will get. */
export interface PreparedCall {
  /** The tool that runs. Differs from the requested name for `tools.call`. */
  readonly tool: string
  /** Checked, with defaults, deeply frozen. */
  readonly args: Readonly<Record<string, unknown>>
  /** A person has to confirm the call when the agent makes it. */
  readonly confirm: boolean
  /** `tools.execute` waits for its turn in the session's lane. */
  readonly inLane: boolean
  /** Why it may not run in this session now, for the model and for people. Undefined: it may. */
  refusal(sessionId: string): Promise<string | undefined>
  /**
   * Runs it now, confirmed where it has to be. A tool that fails, or may not run, is a result and not an error.
   * @throws the signal's reason when the run was aborted
   */
  run(options: RunOptions): Promise<ToolResult>
}

declare module '../hooks/hooks.ts' {
  interface Operations {
    /** A run of a tool, for the agent or for a client. A tool that fails is a result. */
    'tool.run': Operation<RunOptions & { readonly tool: string }, Promise<ToolResult>>
  }
}

/** A tool, and the conditions under which it runs. */
export interface ListedTool extends ToolSpec {
  /** A person has to confirm each call of the agent. */
  readonly confirm: boolean
  /** It runs in elevated sessions only. */
  readonly elevated: boolean
  /** Source that it comes from. Absent: the gateway or a plugin. */
  readonly source?: string
}

/** Size of the tools of one list. */
export interface ToolCost {
  readonly tools: number
  /** About how many tokens they take in every model call. */
  readonly tokens: number
}

/** The tools of the gateway, and the one way to run them: checked, recorded, and with errors that may be shown. */
export class Toolbox {
  readonly #catalog: Catalog
  readonly #known: KnownTools
  readonly #find: Entry
  readonly #call: Entry
  readonly #options: ToolboxOptions
  /** Names of the tools whose cost was logged last. */
  #costed = ''

  constructor(options: ToolboxOptions) {
    const { store, log } = options
    const known = new KnownTools({ store, log })
    const { find, call } = searchTools((access) => this.specs(access))
    this.#known = known
    this.#catalog = new Catalog({ log, onListed: (source, tools) => known.listed(source, tools) })
    this.#find = entryOf(find)
    this.#call = entryOf(call)
    this.#options = options
  }

  /** @throws Error, which stops the start, for a taken or malformed name, or an input that is not the schema of an object */
  add(tool: AnyTool): void {
    if (tool.name.startsWith('tools.'))
      throw new Error(`tool '${tool.name}': names that begin with 'tools.' are the gateway's own`)
    this.#catalog.add(tool)
  }

  /** @throws Error, which stops the start, for a malformed name, or one of another source or of the gateway's own tools */
  addSource(source: ToolSource): void {
    if (source.name === 'tools') throw new Error("source of tools 'tools': the name is the gateway's own")
    this.#catalog.addSource(source)
  }

  /** Names and patterns of the settings that no tool can have: the tool is switched off, or the name is misspelt. */
  misnamed(): string[] {
    const { allow, deny, confirm, elevated, guests } = this.#options.settings()
    const names = new Set([...allow, ...deny, ...confirm, ...elevated, ...guests])
    return [...names].filter((name) => !this.#catalog.mayName(name))
  }

  async get(name: string): Promise<AnyTool | SourcedTool | undefined> {
    return (await this.#catalog.get(name))?.tool
  }

  /** Tools that exist for this access, in the order in which they were added, those of sources last. */
  async specs(access: Access = 'owner'): Promise<ToolSpec[]> {
    return (await this.#available(access)).map(({ spec }) => spec)
  }

  /** Tools that a model is given. Past `tools.max` those of sources are reached through `tools.find` and `tools.call`. */
  async offered(access: Access = 'owner'): Promise<ToolSpec[]> {
    return this.#offer(await this.#available(access))
  }

  /** Every tool that exists for the owner, and the cost of those that a model is given. */
  async survey(): Promise<{ readonly tools: ListedTool[]; readonly cost: ToolCost }> {
    const entries = await this.#available('owner')
    const { elevated } = this.#options.settings()
    const tools = await Promise.all(
      entries.map(
        async (entry): Promise<ListedTool> => ({
          ...entry.spec,
          confirm: this.#confirms(entry, 'owner') || (await this.#unfamiliar(entry)),
          elevated: namesTool(elevated, entry.name),
          ...(entry.source === undefined ? {} : { source: entry.source })
        })
      )
    )
    return { tools, cost: costOf(this.#offer(entries)) }
  }

  /** Conditions of the sources of tools. Starts none of them. */
  status(): SourceStatus[] {
    return this.#catalog.status()
  }

  /**
   * The arguments as the tool will get them: a copy, with defaults, frozen.
   * @throws RpcError ToolNotFound, or InvalidRequest with paths below `root`, such as `args.command`
   */
  async check(name: string, args: unknown, root = 'args'): Promise<Readonly<Record<string, unknown>>> {
    return (await this.prepare(name, args, { root })).args
  }

  /**
   * The first half of `run`, for callers that ask a person before the second.
   * @throws as `check` does
   */
  async prepare(
    name: string,
    args: unknown,
    { root = 'args', access = 'owner' }: { readonly root?: string; readonly access?: Access } = {}
  ): Promise<PreparedCall> {
    const entry = await this.#entry(name, access)
    this.#assertSize(name, args, root)
    const checked = entry.check(args)
    if ('issues' in checked) {
      throw invalidParams(checked.issues.map(({ path, message }) => ({ path: path.replace('args', root), message })))
    }
    if (entry === this.#call) {
      const { tool, args: inner = {} } = checked.value as { tool: string; args?: unknown }
      if (tool === CALL) throw unknownTool(tool)
      return await this.prepare(tool, inner, { root: `${root}.args`, access })
    }
    const frozen = deepFrozen(checked.value)
    const unfamiliar = await this.#unfamiliar(entry)
    return {
      tool: name,
      args: frozen,
      confirm: unfamiliar || this.#confirms(entry, access),
      inLane: entry.inLane,
      refusal: (sessionId) => this.#refusal(name, sessionId),
      run: async (options) => {
        if (unfamiliar) await this.#known.confirmed(entry.source!, entry.tool as SourcedTool)
        const running = () => this.#run(entry, frozen, { access, ...options })
        return await this.#options.hooks.run('tool.run', { ...options, tool: name }, running)
      }
    }
  }

  /**
   * Runs a tool now. A tool that fails is a result, not an error.
   * @throws as `check` does; the signal's reason when the run was aborted
   */
  async run(name: string, args: unknown, options: RunOptions): Promise<ToolResult> {
    return await (await this.prepare(name, args, options)).run(options)
  }

  /**
   * Runs a tool for a client, which confirms it by calling it. A tool that need not wait for the session's turn gets a lane of its
   * own: the same deadline, the same end, whatever the tool does.
   * @throws RpcError also for what the lane or an abort did to it
   */
  async execute(name: string, args: unknown, options: RunOptions): Promise<ToolResult> {
    const { sessionId, signal, actor } = options
    const { lanes, openSession } = this.#options
    // Before the session is made: a call that cannot run must not leave one behind.
    const prepared = await this.prepare(name, args, { ...options, root: 'params.args' })
    await openSession(sessionId)
    const own = prepared.inLane ? undefined : `tool:${randomUUID()}`
    const gone = (): void => {
      if (own !== undefined) lanes.cancel(own)
    }
    signal.addEventListener('abort', gone, { once: true })
    try {
      return await lanes.run(own ?? sessionId, {
        owner: actor,
        run: (turn) => prepared.run({ ...options, signal: AbortSignal.any([turn.signal, signal]) })
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

  #offer(entries: readonly Entry[]): ToolSpec[] {
    const { max } = this.#options.settings()
    const own = entries.filter(({ source }) => source === undefined)
    const search = [this.#find, this.#call]
    const offered = entries.length <= max ? entries : [...(own.length + search.length <= max ? own : []), ...search]
    const specs = offered.map(({ spec }) => spec)
    this.#logCost(specs, entries.length)
    return specs
  }

  /** @throws RpcError InvalidRequest */
  #assertSize(name: string, args: unknown, root: string): void {
    const limit = this.#options.limits().toolArgsBytes
    const bytes = Buffer.byteLength(JSON.stringify(args) ?? '')
    if (bytes <= limit) return
    const message = `of ${name} take ${bytes} bytes as JSON: limits.tool_args_bytes allows ${limit}`
    throw invalidParams([{ path: root, message }])
  }

  async #available(access: Access): Promise<Entry[]> {
    return (await this.#catalog.list()).filter(({ name }) => this.#barrier(name, access) === undefined)
  }

  /** @throws RpcError ToolNotFound */
  async #entry(name: string, access: Access): Promise<Entry> {
    if (name === this.#find.name) return this.#find
    if (name === this.#call.name) return this.#call
    const barrier = this.#barrier(name, access)
    const entry = await this.#catalog.get(name)
    if (!entry) throw unknownTool(name)
    if (barrier !== undefined) throw new RpcError('ToolNotFound', `${name} cannot be used: ${barrier}`)
    return entry
  }

  /** Why the settings keep a tool from existing for this access. Undefined: they do not. */
  #barrier(name: string, access: Access): string | undefined {
    const { allow, deny, guests } = this.#options.settings()
    if (namesTool(deny, name)) return 'tools.deny names it'
    if (!namesTool(allow, name)) return 'tools.allow does not name it'
    if (access === 'guest' && !namesTool(guests, name)) return 'guests have only the tools of tools.guests'
    return undefined
  }

  #confirms({ name, tool }: Entry, access: Access): boolean {
    if (namesTool(this.#options.settings().confirm, name)) return true
    return access === 'guest' && 'confirmGuests' in tool && tool.confirmGuests === true
  }

  /**
   * A tool of a source that no person has seen as it is, where the settings restrict any tool of that source. A server could
   * otherwise free a tool by renaming it.
   */
  async #unfamiliar({ name, source, tool }: Entry): Promise<boolean> {
    if (source === undefined) return false
    const { confirm, elevated } = this.#options.settings()
    const restricted = [...confirm, ...elevated]
    if (restricted.length === 0) return false
    const names = [name, ...(await this.#known.names(source))]
    const concerned =
      restricted.some((pattern) => pattern.startsWith(`${source}.`)) || names.some((known) => namesTool(restricted, known))
    return concerned && !(await this.#known.has(source, tool as SourcedTool))
  }

  async #run({ name, tool }: Entry, args: Record<string, unknown>, options: RunOptions): Promise<ToolResult> {
    const { sessionId, signal, log, actor, access = 'owner' } = options
    signal.throwIfAborted()
    const { dataDir, audit, masker } = this.#options
    const workspace = workspacePath(dataDir, sessionId)
    const record = (end: { success: boolean; aborted?: true; refused?: true }): void =>
      audit.record('tool.run', actor, { tool: name, sessionId, ...end, args: JSON.stringify(args) })
    // At once, and not when the tool has ended: a tool that ignores its signal may never end.
    const aborted = (): void => record({ success: false, aborted: true })
    signal.addEventListener('abort', aborted, { once: true })
    try {
      const refusal = await this.#refusal(name, sessionId)
      signal.throwIfAborted()
      if (refusal !== undefined) {
        record({ success: false, refused: true })
        return { success: false, output: '', error: refusal, attachments: [] }
      }
      const context = { signal, session: { id: sessionId, workspace }, access, actor, log }
      const result = await outcome(tool, args, context, {
        hidden: [workspace, dataDir],
        masker,
        maxBytes: this.#options.limits().toolResultBytes
      })
      if (!signal.aborted) record({ success: result.success })
      return result
    } finally {
      signal.removeEventListener('abort', aborted)
    }
  }

  async #refusal(name: string, sessionId: string): Promise<string | undefined> {
    const { settings, sessions, now = Date.now } = this.#options
    if (!namesTool(settings().elevated, name)) return undefined
    const { active } = elevationOf((await sessions.get(sessionId))?.config.elevation, now())
    if (active) return undefined
    return `${name} runs only in an elevated session. An operator can elevate this one for some time with /elevate 10m`
  }

  /** Logs once for each list of tools: every model call pays for it. */
  #logCost(specs: readonly ToolSpec[], available: number): void {
    const names = specs.map(({ name }) => name).join()
    if (names === this.#costed) return
    this.#costed = names
    const { tools, tokens } = costOf(specs)
    const hidden = available > tools ? { available, reached: 'through tools.find and tools.call' } : {}
    this.#options.log.info({ tools, tokens, ...hidden }, `the tools take about ${tokens} tokens in every model call`)
  }
}

/** Size of a list of tools as models get it. */
function costOf(specs: readonly ToolSpec[]): ToolCost {
  return { tools: specs.length, tokens: specs.reduce((sum, spec) => sum + estimateTokenCount(JSON.stringify(spec)), 0) }
}

function unknownTool(name: string): RpcError {
  return new RpcError('ToolNotFound', `Unknown tool: ${JSON.stringify(name.slice(0, 100))}`)
}

/** Nothing in it can be changed any more: the arguments that a person was shown are those that run. */
function deepFrozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const inside of Object.values(value)) deepFrozen(inside)
  return Object.freeze(value)
}
