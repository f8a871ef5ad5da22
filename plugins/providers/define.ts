/** A file that travels with a message. `data` is base64. */
export interface Attachment {
  readonly mimeType: string
  readonly data: string
  readonly filename?: string
}

export interface ToolCall {
  /** The provider's id of this call; the result names it. */
  readonly callId: string
  /** The gateway's name of the tool, with its dot: `shell.exec`. */
  readonly tool: string
  readonly args: Record<string, unknown>
  /** Why the model's arguments could not be read; `args` is then empty. Such a call is answered with this, never run. */
  readonly invalid?: string
}

/** What a model gave as arguments: parsed, or the text that could not be. Anything but an object is invalid. */
export function argumentsOf(given: unknown): Pick<ToolCall, 'args' | 'invalid'> {
  if (typeof given === 'object' && given !== null && !Array.isArray(given)) return { args: given as Record<string, unknown> }
  const text = typeof given === 'string' ? given : JSON.stringify(given)
  return { args: {}, invalid: `The arguments must be a JSON object, got: ${text.slice(0, 200)}` }
}

/** A conversation as every model understands it. Each tool call is followed by a `tool` message with the same `callId`. */
export type ChatMessage =
  | { readonly role: 'user'; readonly text: string; readonly attachments?: readonly Attachment[] }
  | { readonly role: 'assistant'; readonly text: string; readonly toolCalls?: readonly ToolCall[] }
  | { readonly role: 'tool'; readonly callId: string; readonly tool: string; readonly output: string; readonly failed: boolean }

export interface ToolSpec {
  readonly name: string
  readonly description: string
  /** JSON Schema of the arguments. */
  readonly inputSchema: Record<string, unknown>
}

export interface ModelRequest {
  readonly system: string
  readonly messages: readonly ChatMessage[]
  readonly tools: readonly ToolSpec[]
  readonly signal: AbortSignal
}

/**
 * Tokens of one model call. `inputTokens` includes what the provider read from or wrote to its cache. Zeros where a provider tells nothing:
 * they are estimated then.
 */
export interface Usage {
  readonly inputTokens: number
  readonly outputTokens: number
}

/**
 * What a model call yields, in order. Tool calls come right before `finish`, which is the last part of a call that
 * succeeded: a call that breaks off has asked for no tool.
 */
export type ModelPart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'file'; readonly file: Attachment }
  | { readonly type: 'tool_call'; readonly call: ToolCall }
  | {
      readonly type: 'finish'
      readonly reason: 'stop' | 'tool_calls' | 'length'
      readonly usage: Usage
      /** The provider has told nothing of its usage, or nothing that can be. A model need not say so itself. */
      readonly estimated?: boolean
    }

/**
 * A model of one provider. `stream` is ONE model call: the loop over tools belongs to the agent.
 * It ends with `finish`, or throws a `ProviderError`; aborted through `request.signal` it throws the signal's reason.
 */
export interface Model {
  readonly provider: string
  readonly model: string
  /** Tokens. */
  readonly contextWindow: number
  stream(request: ModelRequest): AsyncIterable<ModelPart>
  /** Lets go of what it holds open: connections to its provider. No call is under way then. */
  close?(): Promise<void>
}

/** `models.<tier>.<provider>` of the configuration. */
export interface ModelSettings {
  readonly apiKey?: string | undefined
  readonly baseUrl?: string | undefined
  readonly model?: string | undefined
  /** Tokens. */
  readonly contextWindow?: number | undefined
  /** Tokens of one answer at most. */
  readonly maxOutputTokens?: number | undefined
}

/** A kind of provider, by the name it has in the configuration. */
export interface Provider {
  readonly name: string
  /** Needs no network and no configuration: what it answers is no model's answer, and people are told so. */
  readonly offline?: boolean
  /**
   * Makes a model of what is configured; no network yet. Settings that cannot work are an `Error` which says what is
   * expected of which key, without the path: `api_key must be set`. It stops the start.
   */
  open(settings: ModelSettings): Model
}

/** Identity at run time. */
export function defineProvider(provider: Provider): Provider {
  return provider
}

export interface ProviderErrorOptions {
  readonly retryable: boolean
  /** What the provider asked for. */
  readonly retryAfterMs?: number | undefined
  /** HTTP status, when there was one. */
  readonly status?: number | undefined
  /** What the provider said, for the operator's log only. `failureOf` masks it, whoever has set it. */
  readonly detail?: string | undefined
}

/**
 * A model call that failed. The message is written for people: no keys, no URLs, no bodies of the provider.
 * It takes no `cause`: what an SDK throws carries the request, the conversation and at times the key.
 */
export class ProviderError extends Error {
  override readonly name = 'ProviderError'
  readonly retryable: boolean
  readonly retryAfterMs: number | undefined
  readonly status: number | undefined
  readonly detail: string | undefined

  constructor(message: string, { retryable, retryAfterMs, status, detail }: ProviderErrorOptions) {
    super(message)
    this.retryable = retryable
    this.retryAfterMs = retryAfterMs
    this.status = status
    this.detail = detail
  }
}
