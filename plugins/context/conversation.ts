import type { FastifyBaseLogger } from 'fastify'
import { checkpointsOf } from '../../db/checkpoints.ts'
import type { Db } from '../../db/client.ts'
import { RpcError } from '../../rpc/errors.ts'
import type { ChatMessage, ModelPart } from '../providers/define.ts'
import { type Budget, budgetOf, checkpointOf, grouped, levelOf, type Warning, warningOf } from './budget.ts'
import { ContextWindow, type ContextWindowOptions } from './context-window.ts'
import { type Ask, summarise } from './summary.ts'

/** What of the window an answer needs at the most; providers ask for no more unless they are configured to. */
const ANSWER_TOKENS = 8192
const ANSWER_SHARE = 1 / 4
/** How long the end of a run waits for a summary. */
const SUMMARY_MS = 30_000

export interface ConversationOptions extends ContextWindowOptions {
  readonly sessionId: string
  /** Read when they are needed: the configuration may change. */
  readonly settings: { readonly autoCompact: boolean; readonly contextThresholdPct: number }
  readonly contexts: Db['contexts']
  readonly signal: AbortSignal
  /** Nothing is written once it is false. */
  readonly live: () => boolean
  /** When the turn is stopped for taking too long. Epoch milliseconds. */
  readonly deadline: number
  readonly now?: () => number
  readonly log: Pick<FastifyBaseLogger, 'warn'>
  readonly ask: Ask
}

/**
 * What a model sees of one conversation during one turn, and how much of its window that takes. Messages are only ever added at the end of
 * the list; before each model call what does not fit is made to fit, by a summary that takes the place of the oldest messages.
 */
export class Conversation {
  readonly history: readonly ChatMessage[]
  readonly #options: ConversationOptions
  readonly #view: ContextWindow
  /** What has to be told although it is past. */
  #compacted: Warning | undefined

  constructor(options: ConversationOptions) {
    this.#options = options
    this.history = options.history
    this.#view = new ContextWindow(options)
  }

  /**
   * One model call. `messages` is the history with what was added to it since, always the same list.
   * @throws RpcError InternalError where it cannot be made to fit; what the call throws
   */
  async *stream(messages: readonly ChatMessage[]): AsyncGenerator<ModelPart> {
    this.#view.grow(messages)
    const { ask, system, tools, signal } = this.#options
    for await (const part of ask({ system, tools, messages: await this.#fitting(), signal })) {
      if (part.type === 'finish' && !part.estimated) this.#view.count(part.usage.inputTokens + part.usage.outputTokens)
      yield part
    }
  }

  /** How much of the window is used. */
  get budget(): Budget {
    const { contextWindow, settings } = this.#options
    return budgetOf(this.#view.tokens, contextWindow, settings.contextThresholdPct)
  }

  /**
   * The end of a run: counts what was said, and at the threshold saves a checkpoint and compacts the conversation.
   * @returns what people have to be told of it, if anything
   * @throws the signal's reason
   */
  async finish(): Promise<Warning | undefined> {
    this.#view.restore()
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
   * Because somebody asks for it.
   * @returns tokens before and after; undefined where there is nothing to compact
   * @throws the signal's reason; what the model call throws
   */
  async compact(): Promise<{ before: number; after: number } | undefined> {
    const before = this.#view.tokens
    const namespace = await this.#compact({ force: false, all: true, limitMs: Number.POSITIVE_INFINITY })
    return namespace === undefined ? undefined : { before, after: this.#view.tokens }
  }

  /** What the model is shown next. */
  async #fitting(): Promise<readonly ChatMessage[]> {
    const view = this.#view
    const { contextWindow, settings } = this.#options
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
    const { contextWindow, signal, log, sessionId } = this.#options
    // What was left out before is part of what is summarised.
    this.#view.restore()
    const { budget } = this
    try {
      const force = budget.estimatedTokens > contextWindow
      const namespace = await this.#compact({ force, all: false, limitMs: Number.POSITIVE_INFINITY })
      if (namespace !== undefined) this.#compacted = checkpointOf(budget, { namespace, compacted: true })
    } catch (err) {
      signal.throwIfAborted()
      log.warn({ err, sessionId }, 'a conversation could not be summarised: its beginning is left out')
      this.#view.leaveOut()
    }
  }

  #tooMuch(): string {
    const { contextWindow, settings } = this.#options
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
    const view = this.#view
    const { chat } = view
    const cut = view.cut(force)
    if (cut === 0) return undefined
    // In the middle of a run: what comes after is being worked on, and is seen in full.
    const text = await this.#summary(all ? chat : chat.slice(0, cut), limitMs)
    const { sessionId, contextWindow, contexts } = this.#options
    const { summary, from, tokens, messages } = view.compacted(cut, text)
    await contexts.compact({ ...this.#entry(text), messages, summary, tokens, contextWindow })
    view.begin({ summary, from })
    return checkpointsOf(sessionId)
  }

  async #checkpoint(text: string): Promise<string> {
    const entry = this.#entry(text)
    await this.#options.contexts.checkpoint(entry)
    return checkpointsOf(entry.sessionId)
  }

  async #summary(messages: readonly ChatMessage[], limitMs: number): Promise<string> {
    const { ask, contextWindow, signal, deadline, now = Date.now, live } = this.#options
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
