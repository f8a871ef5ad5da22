import type { FastifyBaseLogger } from 'fastify'
import { checkpointsOf } from '../../db/checkpoints.ts'
import type { Db } from '../../db/client.ts'
import { RpcError } from '../../rpc/errors.ts'
import type { ChatMessage, ModelPart } from '../providers/define.ts'
import { type Budget, budgetOf, checkpointOf, grouped, levelOf, type Warning, warningOf } from './budget.ts'
import { ContextWindow, type ContextWindowOptions, REFUSED } from './context-window.ts'
import { refusalIn } from './refusal.ts'
import { type Ask, summarise } from './summary.ts'

/** Tokens that an answer needs, and its share of a small window; providers ask for no more unless they are configured to. */
const ANSWER_TOKENS = 8192
const ANSWER_SHARE = 1 / 4
/** Time that the end of a run waits for a summary. */
const SUMMARY_MS = 30_000
/** Times that a refused request is tried with less. */
const MAX_TRIES = 5

export interface ConversationOptions extends ContextWindowOptions {
  readonly sessionId: string
  /** Index of the first message of the history that belongs to this turn. Default: none does. */
  readonly turnFrom?: number
  /** Read when they are needed: the configuration may change. */
  readonly settings: { readonly autoCompact: boolean; readonly contextThresholdPct: number }
  readonly contexts: Db['contexts']
  readonly signal: AbortSignal
  /** Nothing is written once it is false. */
  readonly live: () => boolean
  /** End of the time of the turn. Epoch milliseconds. */
  readonly deadline: number
  readonly now?: () => number
  readonly log: Pick<FastifyBaseLogger, 'warn'>
  readonly ask: Ask
}

/**
 * One conversation as a model sees it during one turn, and its share of the window. Messages are only ever added at the end of
 * the list; before each model call the oldest messages give way to a summary if they do not fit.
 */
export class Conversation {
  readonly history: readonly ChatMessage[]
  readonly #options: ConversationOptions
  readonly #view: ContextWindow
  #contextWindow: number
  readonly #turnFrom: number
  /** A compaction of this turn, for its end. */
  #compacted: Warning | undefined
  /** A provider has refused earlier turns, and the call went on without them. */
  #withoutEarlier = false
  /** The last call failed because its provider refused the request. */
  #refused = false

  constructor(options: ConversationOptions) {
    this.#options = options
    this.history = options.history
    this.#view = new ContextWindow(options)
    this.#contextWindow = options.contextWindow
    this.#turnFrom = options.turnFrom ?? options.history.length
  }

  /** The last call failed because its provider refused the request. */
  get refused(): boolean {
    return this.#refused
  }

  /**
   * One model call. `messages` is the history with what was added to it since, always the same list. A request that a provider refuses
   * is tried again with less: compacted to the window that it names, or without earlier turns.
   * @throws RpcError InternalError where it cannot be made to fit; errors of the call
   */
  async *stream(messages: readonly ChatMessage[]): AsyncGenerator<ModelPart> {
    this.#view.grow(messages)
    const { ask, system, tools, signal } = this.#options
    for (let tries = 1; ; tries++) {
      let begun = false
      try {
        const shown = await this.#fitting()
        const earlier = this.#view.shownBefore(this.#turnFrom)
        for await (const part of ask({ system, tools, messages: shown, earlier, signal })) {
          begun = true
          if (part.type === 'finish' && !part.estimated) this.#view.count(part.usage.inputTokens + part.usage.outputTokens)
          yield part
        }
        return
      } catch (thrown) {
        signal.throwIfAborted()
        this.#refused = refusalIn(thrown) !== undefined
        if (begun || tries === MAX_TRIES || !this.#showLess(thrown)) throw thrown
      }
    }
  }

  /** @returns false where nothing can be left out */
  #showLess(thrown: unknown): boolean {
    const refusal = refusalIn(thrown)
    if (refusal === undefined) return false
    const { sessionId, log } = this.#options
    const window = refusal.tokens?.window
    if (window !== undefined && window < this.#contextWindow) {
      log.warn({ sessionId, contextWindow: window }, 'a conversation is fitted to a smaller context window')
      this.#contextWindow = window
      this.#view.resize(window)
      return true
    }
    if (this.#withoutEarlier || this.#view.shownBefore(this.#turnFrom) === 0) return false
    log.warn({ sessionId, reason: refusal.reason }, 'a conversation is tried without earlier turns')
    this.#withoutEarlier = true
    this.#view.leaveOutBefore(this.#turnFrom)
    return true
  }

  /** Used share of the window. */
  get budget(): Budget {
    const { settings } = this.#options
    return budgetOf(this.#view.tokens, this.#contextWindow, settings.contextThresholdPct)
  }

  /**
   * The end of a run: counts what was said, and at the threshold saves a checkpoint and compacts the conversation.
   * @returns the warning for people; undefined for none
   * @throws the signal's reason
   */
  async finish(): Promise<Warning | undefined> {
    this.#view.restore()
    if (this.#withoutEarlier && this.#options.live()) await this.#replaceEarlier()
    const { settings, log, sessionId, signal } = this.#options
    const { budget } = this
    const level = levelOf(budget)
    await this.#count(budget)
    if (level !== 'checkpoint') return this.#compacted ?? (level && warningOf(budget))
    try {
      const compacted = settings.autoCompact
      const namespace = compacted
        ? await this.#compact({ force: true, all: true, limitMs: SUMMARY_MS })
        : await this.#checkpoint(await this.#summary(this.#view.chat, SUMMARY_MS))
      return checkpointOf(budget, {
        ...(namespace === undefined ? {} : { namespace }),
        compacted: compacted && namespace !== undefined
      })
    } catch (err) {
      signal.throwIfAborted()
      log.warn({ err, sessionId }, 'a conversation could not be summarised')
      return checkpointOf(budget, { compacted: false })
    }
  }

  /**
   * Compacts on request. Where the provider refuses the messages themselves, they give way without a summary.
   * @returns tokens before and after; undefined where there is nothing to compact
   * @throws the signal's reason; errors of the model call
   */
  async compact(): Promise<{ before: number; after: number } | undefined> {
    const before = this.#view.tokens
    const cut = this.#view.cut(false)
    const namespace = cut === 0 ? undefined : await this.#replace(cut, await this.#summaryOrNote(this.#view.chat))
    return namespace === undefined ? undefined : { before, after: this.#view.tokens }
  }

  /** The messages of the next call. */
  async #fitting(): Promise<readonly ChatMessage[]> {
    const view = this.#view
    const { settings } = this.#options
    const contextWindow = this.#contextWindow
    const room = contextWindow - Math.min(ANSWER_TOKENS, Math.floor(contextWindow * ANSWER_SHARE))
    if (view.tokens > room && settings.autoCompact && !view.hopeless) {
      await this.#makeRoom()
      if (view.tokens > room) view.shortenTo(room)
    }
    if (view.tokens > contextWindow) throw new RpcError('InternalError', this.#tooMuch(), { data: { retryable: false } })
    return view.all
  }

  /** The beginning gives way, or is left out. */
  async #makeRoom(): Promise<void> {
    const { signal, log, sessionId } = this.#options
    // Messages that were left out before are summarised as well, unless the provider refused them.
    if (!this.#withoutEarlier) this.#view.restore()
    const { budget } = this
    try {
      const force = budget.estimatedTokens > this.#contextWindow
      const namespace = await this.#compact({ force, all: false, limitMs: Number.POSITIVE_INFINITY })
      if (namespace !== undefined) this.#compacted = checkpointOf(budget, { namespace, compacted: true })
    } catch (err) {
      signal.throwIfAborted()
      log.warn({ err, sessionId }, 'a conversation could not be summarised: its beginning is left out')
      this.#view.leaveOut()
    }
  }

  #tooMuch(): string {
    const { settings } = this.#options
    const contextWindow = this.#contextWindow
    const { hopeless, before, tokens } = this.#view
    if (hopeless) {
      return `The system prompt and the tools take about ${grouped(before)} of the ${grouped(contextWindow)} tokens that the model can look at: it needs a larger context_window, a shorter agent.system_prompt, or fewer tools`
    }
    const advice = settings.autoCompact
      ? 'It cannot be made shorter: write /new to begin another one'
      : 'Write /compact to have it summarised, or /new to begin another one'
    return `The conversation does not fit the context window of the model: about ${grouped(tokens)} of ${grouped(contextWindow)} tokens. ${advice}`
  }

  /** @returns where the summary was kept; undefined where nothing can give way */
  async #compact({ force, all, limitMs }: { force: boolean; all: boolean; limitMs: number }): Promise<string | undefined> {
    const { chat } = this.#view
    const cut = this.#view.cut(force)
    if (cut === 0) return undefined
    // In the middle of a run the messages that stay are being worked on, and are shown in full.
    return await this.#replace(cut, await this.#summary(all ? chat : chat.slice(0, cut), limitMs))
  }

  /** A text takes the place of the first messages. */
  async #replace(cut: number, text: string): Promise<string> {
    const { sessionId, contexts } = this.#options
    const { summary, from, tokens, messages } = this.#view.compacted(cut, text)
    await contexts.compact({ ...this.#entry(text), messages, summary, tokens, contextWindow: this.#contextWindow })
    this.#view.begin({ summary, from })
    return checkpointsOf(sessionId)
  }

  /** Earlier turns that a provider has refused never go out again as they were. */
  async #replaceEarlier(): Promise<void> {
    const view = this.#view
    const cut = view.cutBefore(this.#turnFrom)
    const { budget } = this
    const text = cut === 0 ? REFUSED : await this.#summaryOrNote(view.chat.slice(0, cut), SUMMARY_MS)
    this.#compacted = checkpointOf(budget, { namespace: await this.#replace(cut, text), compacted: true })
  }

  /** A summary, or a note that the messages are left out where the provider refuses them. */
  async #summaryOrNote(messages: readonly ChatMessage[], limitMs = Number.POSITIVE_INFINITY): Promise<string> {
    try {
      return await this.#summary(messages, limitMs)
    } catch (thrown) {
      this.#options.signal.throwIfAborted()
      if (!this.#options.live() || (refusalIn(thrown) === undefined && limitMs !== SUMMARY_MS)) throw thrown
      this.#options.log.warn(
        { err: thrown, sessionId: this.#options.sessionId },
        'a conversation could not be summarised: a note takes its place'
      )
      return REFUSED
    }
  }

  async #checkpoint(text: string): Promise<string> {
    const entry = this.#entry(text)
    await this.#options.contexts.checkpoint(entry)
    return checkpointsOf(entry.sessionId)
  }

  async #summary(messages: readonly ChatMessage[], limitMs: number): Promise<string> {
    const { ask, signal, deadline, now = Date.now, live } = this.#options
    const contextWindow = this.#contextWindow
    // The rest of the turn needs time as well.
    const ms = Math.min(limitMs, Math.max(0, Math.floor((deadline - now()) / 2)))
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(ms)])
    const text = await summarise({ before: this.#view.summary, messages, contextWindow }, ask, bounded)
    if (!live()) throw new DOMException('The turn is over', 'AbortError')
    return text
  }

  #entry(text: string) {
    const { sessionId, now = Date.now } = this.#options
    const at = now()
    return { sessionId, key: new Date(at).toISOString(), text, now: at }
  }

  async #count({ estimatedTokens: tokens, contextWindow }: Budget): Promise<void> {
    const { sessionId, contexts, live } = this.#options
    if (live()) await contexts.count({ sessionId, tokens, contextWindow })
  }
}
