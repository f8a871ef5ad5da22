import type { Static, TObject } from '@sinclair/typebox'
import type { FastifyBaseLogger } from 'fastify'
import type { Issue } from '../../rpc/errors.ts'
import type { Attachment } from '../providers/define.ts'

export interface ToolContext {
  /** Aborted on cancel, on timeout and on shutdown. A tool that ignores it is abandoned. */
  readonly signal: AbortSignal
  readonly session: {
    readonly id: string
    /** The session's own folder; made on first use by the tools that need it. Absolute. */
    readonly workspace: string
  }
  readonly log: FastifyBaseLogger
}

/** What a tool hands back. A plain string is short for `{ output }`. */
export interface ToolOutput {
  readonly output: string
  readonly attachments?: readonly Attachment[]
}

export interface Tool<I extends TObject = TObject> {
  /** `<group>.<verb>`: `shell.exec`. At most 64 characters, which is what every provider takes. */
  readonly name: string
  /** Read by the model: what the tool does, and when to use it. */
  readonly description: string
  readonly input: I
  /** `tools.execute` waits for its turn in the session's lane. */
  readonly inLane?: boolean
  /**
   * `args` are a copy that has passed `input`, frozen: what was shown to whoever confirmed the call is what the tool gets.
   * @throws ToolError with a message for the model and for people; anything else that is thrown is only logged
   */
  run(args: Static<I>, context: ToolContext): Promise<string | ToolOutput>
}

// biome-ignore lint/suspicious/noExplicitAny: a collection holds tools of every shape
export type AnyTool = Tool<any>

/** Identity at run time; ties `run` to the input schema. */
export function defineTool<I extends TObject>(tool: Tool<I>): Tool<I> {
  return tool
}

/** A tool that somebody else has described, in plain JSON Schema. */
export interface SourcedTool {
  /** `<source>.<tool>`, at most 64 characters. */
  readonly name: string
  /** Read by the model, and written by others. */
  readonly description: string
  readonly inputSchema: Readonly<Record<string, unknown>>
  /** What is wrong with the arguments; paths below `args`. None: they are an object that `run` takes. */
  issues(args: unknown): readonly Issue[]
  /**
   * `args` are a frozen copy without issues.
   * @throws ToolError as `Tool.run` does
   */
  run(args: Record<string, unknown>, context: ToolContext): Promise<string | ToolOutput>
}

/** Tools that come and go. */
export interface ToolSource {
  /** The first part of its tools' names. */
  readonly name: string
  /** As they are now; starts what is needed to know them. Never rejects, and never takes long: a source that cannot be reached has none. */
  tools(): Promise<readonly SourcedTool[]>
}

/** A tool's failure, in words that may be shown. `output` is what the tool had produced by then. */
export class ToolError extends Error {
  override readonly name = 'ToolError'
  readonly output: string

  constructor(message: string, { output = '', ...options }: ErrorOptions & { output?: string } = {}) {
    super(message, options)
    this.output = output
  }
}

/** What became of one tool run. A tool that fails is an answer, not an error of the protocol. */
export interface ToolResult {
  readonly success: boolean
  readonly output: string
  readonly error: string | null
  readonly attachments: readonly Attachment[]
}
