import type { FastifyBaseLogger } from 'fastify'

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

/** Arguments of a tool as a model wrote them: parsed, or a text that could not be. Anything but an object is invalid. */
export function argumentsOf(given: unknown): Pick<ToolCall, 'args' | 'invalid'> {
  if (typeof given === 'object' && given !== null && !Array.isArray(given)) return { args: given as Record<string, unknown> }
  const text = typeof given === 'string' ? given : JSON.stringify(given)
  return { args: {}, invalid: `The arguments must be a JSON object, got: ${text.slice(0, 200)}` }
}

/** Why a model ended its answer; `broken`: for a reason that makes what it said useless. */
export type EndReason = 'stop' | 'tool_calls' | 'length' | 'filter' | 'broken'

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
  /** Number of the first messages that belong to earlier turns. Default: those before the last messages of the user. */
  readonly earlier?: number
  /** Tokens of the answer, where the model is known to take fewer than it is configured with. */
  readonly maxOutputTokens?: number
  /** Receives what operators should know of the call although it succeeds. */
  readonly log?: Pick<FastifyBaseLogger, 'warn'>
}

/**
 * Tokens of one model call. `inputTokens` includes what the provider read from or wrote to its cache. Zeros where a provider reports
 * none: they are then estimated.
 */
export interface Usage {
  readonly inputTokens: number
  readonly outputTokens: number
}

/**
 * Parts of a model call, in order. Tool calls come right before `finish`, which is the last part of a call that
 * succeeded: a call that breaks off has asked for no tool.
 */
export type ModelPart =
  | { readonly type: 'text'; readonly text: string }
  /** Thoughts of the model. They are no part of the answer, and are not sent again. */
  | { readonly type: 'reasoning'; readonly text: string }
  | { readonly type: 'file'; readonly file: Attachment }
  | { readonly type: 'tool_call'; readonly call: ToolCall }
  | {
      readonly type: 'finish'
      readonly reason: 'stop' | 'tool_calls' | 'length'
      readonly usage: Usage
      /** The provider reported no usage, or one that cannot be. Set by the gateway. */
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
  /** `false`: the model gets no tools. */
  readonly tools?: boolean | undefined
  /** `false`: the model gets no images and documents, but a note in their place. */
  readonly vision?: boolean | undefined
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Further members of every request, as the provider's API names them. */
  readonly parameters?: Readonly<Record<string, unknown>> | undefined
}

/** A kind of provider, by the name it has in the configuration. */
export interface Provider {
  readonly name: string
  /** Needs no network and no configuration. It is no model, and clients are shown that. */
  readonly offline?: boolean
  /**
   * Makes a model of its settings; no network yet. Settings that cannot work throw an `Error` which names the key and what it
   * expects, without the path: `api_key must be set`. It stops the start.
   */
  open(settings: ModelSettings): Model
}

/** Identity at run time. */
export function defineProvider(provider: Provider): Provider {
  return provider
}

/**
 * Reason of a failed call. `too_long`, `files`, `filtered` and `refused` are about what was sent: the same request would fail again,
 * and the conversation has to go on without it.
 */
export type FailureReason =
  | 'too_long'
  | 'files'
  | 'filtered'
  | 'refused'
  | 'key'
  | 'credit'
  | 'unknown_model'
  | 'login_page'
  | 'limited'
  | 'loading'
  | 'overloaded'
  | 'unreachable'
  | 'broken'
  | 'failed'

export interface TokenCounts {
  /** Tokens of the request as the provider counts them, where it says so. */
  readonly sent?: number | undefined
  /** Most tokens that it takes, where it says so. */
  readonly limit?: number | undefined
  /** Estimated tokens that the conversation has to fit before it is sent again. */
  readonly window?: number | undefined
}

export interface ProviderErrorOptions {
  readonly retryable: boolean
  readonly reason?: FailureReason | undefined
  /** Wait that the provider asked for. */
  readonly retryAfterMs?: number | undefined
  /** HTTP status, when there was one. */
  readonly status?: number | undefined
  /** The provider's own words, for the operator. `failureOf` masks them, also those of third-party providers. */
  readonly detail?: string | undefined
  /** Of a request that is `too_long`. */
  readonly tokens?: TokenCounts | undefined
}

/**
 * A model call that failed. The message is written for people: no keys, no URLs, and a cleaned and cut quote of the provider's words.
 * It takes no `cause`: errors of an SDK carry the request, the conversation and at times the key.
 */
export class ProviderError extends Error {
  override readonly name = 'ProviderError'
  readonly retryable: boolean
  readonly reason: FailureReason
  readonly retryAfterMs: number | undefined
  readonly status: number | undefined
  readonly detail: string | undefined
  readonly tokens: ProviderErrorOptions['tokens']

  constructor(message: string, { retryable, reason = 'failed', retryAfterMs, status, detail, tokens }: ProviderErrorOptions) {
    super(message)
    this.retryable = retryable
    this.reason = reason
    this.retryAfterMs = retryAfterMs
    this.status = status
    this.detail = detail
    this.tokens = tokens
  }
}

/** Says of a failed call that its request itself is the reason. */
export function isRefusal(reason: FailureReason): boolean {
  return reason === 'too_long' || reason === 'files' || reason === 'filtered' || reason === 'refused'
}
