import type { Static, TObject } from '@sinclair/typebox'
import type { FastifyBaseLogger } from 'fastify'
import type { Issue } from '../../rpc/errors.ts'
import type { Attachment } from '../providers/define.ts'

/** Rights of the person behind a call. A guest has the tools of `tools.guests`, and a memory of its own. */
export type Access = 'owner' | 'guest'

export interface ToolContext {
  /** Aborted on cancel, on timeout and on shutdown. A tool that ignores it is abandoned. */
  readonly signal: AbortSignal
  readonly session: {
    readonly id: string
    /** Absolute path of the session's own folder. Tools that need it create it on first use. */
    readonly workspace: string
  }
  readonly access: Access
  /** Principal on whose behalf the tool runs: `token:default`, `telegram:42`. */
  readonly actor: string
  readonly log: FastifyBaseLogger
}

/** Result of a tool. A plain string is short for `{ output }`. */
export interface ToolOutput {
  readonly output: string
  readonly attachments?: readonly Attachment[]
}

export interface Tool<I extends TObject = TObject> {
  /** `<group>.<verb>`: `shell.exec`. At most 64 characters, the limit of every provider. */
  readonly name: string
  /** Read by the model: the purpose of the tool, and when to use it. A function is asked for each model call. */
  readonly description: string | (() => string)
  readonly input: I
  /** `tools.execute` waits for its turn in the session's lane. */
  readonly inLane?: boolean
  /** A call of a guest needs a confirmation, wherever `tools.guests` allows it at all. */
  readonly confirmGuests?: boolean
  /**
   * `args` are a frozen copy that has passed `input`: exactly the arguments that were shown to the person who confirmed the call.
   * @throws ToolError with a message for the model and for people; any other error is only logged
   */
  run(args: Static<I>, context: ToolContext): Promise<string | ToolOutput>
}

// biome-ignore lint/suspicious/noExplicitAny: a collection holds tools of every shape
export type AnyTool = Tool<any>

/** Identity at run time; ties `run` to the input schema. */
export function defineTool<I extends TObject>(tool: Tool<I>): Tool<I> {
  return tool
}

/** A tool of a source, described in plain JSON Schema. */
export interface SourcedTool {
  /** `<source>.<tool>`, at most 64 characters. */
  readonly name: string
  /** Read by the model, and written by others. */
  readonly description: string
  readonly inputSchema: Readonly<Record<string, unknown>>
  /** The source says that the tool may destroy something. */
  readonly destructive?: boolean
  /** Problems of the arguments, with paths below `args`. Empty: they are an object that `run` takes. */
  issues(args: unknown): readonly Issue[]
  /**
   * `args` are a frozen copy without issues.
   * @throws ToolError as `Tool.run` does
   */
  run(args: Record<string, unknown>, context: ToolContext): Promise<string | ToolOutput>
}

/** Condition of a source, for operators. */
export interface SourceStatus {
  /** Name in observability: `mcp:files`. */
  readonly id: string
  readonly name: string
  readonly state: 'idle' | 'starting' | 'up' | 'down'
  /** Why it is down. Holds no secrets. */
  readonly reason?: string
  /** The last lines it printed for people, oldest first. Without secrets. */
  readonly log: readonly { readonly at: number; readonly text: string }[]
  /** Starts after the first one, since the gateway started. */
  readonly restarts: number
}

/** Tools that come and go. */
export interface ToolSource {
  /** First part of the names of its tools. */
  readonly name: string
  /** Its tools now. Starts the source where it has to. Never rejects, and never takes long: an unreachable source has none. */
  tools(): Promise<readonly SourcedTool[]>
  /** Which of its tools exist: names and patterns, with or without the name of the source before them. Absent: all. */
  readonly filter?: { readonly allow: readonly string[]; readonly deny: readonly string[] }
  /** Its condition now. Starts nothing. */
  status?(): SourceStatus
}

/** Failure of a tool, with a message that may be shown. `output` is the output up to then. */
export class ToolError extends Error {
  override readonly name = 'ToolError'
  readonly output: string

  constructor(message: string, { output = '', ...options }: ErrorOptions & { output?: string } = {}) {
    super(message, options)
    this.output = output
  }
}

/** Outcome of one tool run. A tool that fails is a result, not an error of the protocol. */
export interface ToolResult {
  readonly success: boolean
  readonly output: string
  readonly error: string | null
  readonly attachments: readonly Attachment[]
}
