import type { Model, ModelRequest, ProviderError } from './define.ts'
import { estimateUsage } from './usage.ts'

/** Share of a refused request that is tried next, where the provider names no number. */
const NEXT_SHARE = 3 / 4
/** Share of a window that an answer may take. */
const ANSWER_SHARE = 1 / 4
/** The least that the estimate may be of the provider's own count: a number that says otherwise counts something else. */
const LEAST_RATIO = 1 / 2
/** Tokens below which no conversation is possible. */
const LEAST_WINDOW = 256

/**
 * Context windows as they turned out to be. A provider that refuses a request for its length says that the window of its model is smaller
 * than configured; that holds until the configuration changes. Tokens here are those of the gateway's own estimate.
 */
export class KnownWindows {
  readonly #lowered = new WeakMap<Model, number>()

  of(model: Model): number {
    return Math.min(model.contextWindow, this.#lowered.get(model) ?? model.contextWindow)
  }

  /** Most tokens of an answer, where the window is smaller than configured. */
  answerTokens(model: Model): number | undefined {
    const window = this.#lowered.get(model)
    return window === undefined ? undefined : Math.max(1, Math.floor(window * ANSWER_SHARE))
  }

  /**
   * The model has refused this request because it is too long.
   * @returns the window that the conversation has to fit before it is sent again
   */
  lower(model: Model, { tokens = {} }: ProviderError, request: ModelRequest): number {
    const estimate = estimateUsage(request, '').inputTokens
    const { limit, sent } = tokens
    const known = this.of(model)
    // The provider counts in its own tokens. Where it counts more than the estimate, the window is smaller in estimated tokens.
    const named = limit === undefined ? known : limit * Math.min(1, Math.max(LEAST_RATIO, estimate / (sent ?? estimate)))
    const window = Math.max(LEAST_WINDOW, Math.floor(named < known ? named : Math.min(known, estimate) * NEXT_SHARE))
    // A limit that is the known one says that the estimate is wrong for this conversation, and nothing of others.
    if (limit === undefined || named < known) this.#lowered.set(model, Math.min(window, known))
    return window
  }
}
