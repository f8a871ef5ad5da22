import type { FastifyBaseLogger } from 'fastify'
import { checkpointsOf } from '../../db/checkpoints.ts'
import type { Db } from '../../db/client.ts'
import { RpcError } from '../../rpc/errors.ts'
import type { ChatMessage, ModelPart, ToolSpec } from '../providers/define.ts'
import { type Budget, budgetOf, checkpointOf, grouped, levelOf, type Warning, warningOf } from './budget.ts'
import { cutAt } from './cut.ts'
import { shorten, shortenAll, shortenText } from './shorten.ts'
import { type Ask, summarise, summaryMessage } from './summary.ts'
import { textOf, tokensBefore, tokensOf } from './tokens.ts'

/** What of the window an answer needs at the most; providers ask for no more unless they are configured to. */
const ANSWER_TOKENS = 8192
const ANSWER_SHARE = 1 / 4
/** Of the window: one message at the most, and all that stay word for word when a conversation is compacted. */
const MESSAGE_SHARE = 1 / 2
const KEPT_SHARE = 1 / 4
/** Messages are not cut to less than this, all together. */
const LEAST_SHARE = 1 / 16
/** How long the end of a run waits for a summary. */
const SUMMARY_MS = 30_000
/** For a model that goes on without what no summary could be made of. */
const LEFT_OUT = 'The messages before did not fit, and could not be summarised: they are missing here.'

export interface ConversationOptions {
  readonly sessionId: string
  /** What is stored of the conversation, in order. */
  readonly history: readonly ChatMessage[]
  readonly summary: string | undefined
  /** What the first `messages` of the history and everything before them were counted to be, for this window. */
  readonly counted: { readonly tokens: number; readonly messages: number } | undefined
  readonly system: string
  readonly tools: readonly ToolSpec[]
  readonly contextWindow: number
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

/** What stands at the beginning of a conversation: a summary, and the messages from one on. */
interface Start {
  readonly summary: string | undefined
  readonly from: number
}

/**
 * What a model sees of one conversation during one turn, and how much of its window that takes. Messages are only ever added at the end of
 * the list; before each model call what does not fit is made to fit, by a summary that takes the place of the oldest messages.
 */
export class Conversation {
  readonly history: readonly ChatMessage[]
  readonly #options: ConversationOptions
  /** Tokens of what a model is shown before any message, once somebody needs to know. */
  #before: number | undefined
  /** The whole conversation since it was read: the list that grows. */
  #messages: readonly ChatMessage[]
  /** Each of them as a model may see it, no larger than its share. */
  readonly #shown: ChatMessage[] = []
  /** As it is stored. */
  #stored: Start
  /** As the model sees it: it may miss what could not be summarised. */
  #start: Start
  /** Tokens up to that message, where a provider has told or they were counted. */
  #counted: { readonly tokens: number; readonly messages: number } | undefined
  /** The model sees less than what is stored. */
  #less = false
  /** What has to be told although it is past. */
  #compacted: Warning | undefined

  constructor(options: ConversationOptions) {
    this.#options = options
    this.history = options.history
    this.#messages = options.history
    this.#stored = this.#start = { summary: options.summary, from: 0 }
    this.#counted = options.counted
  }

  /**
   * One model call. `messages` is the history with what was added to it since, always the same list.
   * @throws RpcError InternalError where it cannot be made to fit; what the call throws
   */
  async *stream(messages: readonly ChatMessage[]): AsyncGenerator<ModelPart> {
    this.#messages = messages
    const { ask, system, tools, signal } = this.#options
    for await (const part of ask({ system, tools, messages: await this.#fitting(), signal })) {
      if (part.type === 'finish') {
        const tokens = part.usage.inputTokens + part.usage.outputTokens
        // What the model said is about to be added. Some servers report nothing, as a number.
        this.#counted = tokens === 0 ? undefined : { tokens, messages: messages.length + 1 }
      }
      yield part
    }
  }

  /** How much of the window is used. */
  get budget(): Budget {
    const { contextWindow, settings } = this.#options
    return budgetOf(this.#tokens(), contextWindow, settings.contextThresholdPct)
  }

  /**
   * The end of a run: counts what was said, and at the threshold saves a checkpoint and compacts the conversation.
   * @returns what people have to be told of it, if anything
   * @throws the signal's reason
   */
  async finish(): Promise<Warning | undefined> {
    if (this.#less) {
      // What the provider counted is not what is there.
      this.#less = false
      this.#start = this.#stored
      this.#counted = undefined
      this.#shown.length = 0
    }
    const { settings, log, sessionId, signal } = this.#options
    const { budget } = this
    const level = levelOf(budget)
    await this.#count()
    if (level !== 'checkpoint') return this.#compacted ?? (level && warningOf(budget))
    try {
      const compacted = settings.autoCompact
      const namespace = compacted
        ? await this.#compact({ force: true, all: true, limitMs: SUMMARY_MS })
        : await this.#checkpoint(await this.#summary(this.#chat(), SUMMARY_MS))
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
    const before = this.#tokens()
    const namespace = await this.#compact({ force: false, all: true, limitMs: Number.POSITIVE_INFINITY })
    return namespace === undefined ? undefined : { before, after: this.#tokens() }
  }

  /** What the model is shown next. */
  async #fitting(): Promise<readonly ChatMessage[]> {
    const { contextWindow, settings, signal, log, sessionId } = this.#options
    const room = contextWindow - Math.min(ANSWER_TOKENS, Math.floor(contextWindow * ANSWER_SHARE))
    if (this.#tokens() > room && settings.autoCompact) {
      const { budget } = this
      try {
        const force = budget.estimatedTokens > contextWindow
        const namespace = await this.#compact({ force, all: false, limitMs: Number.POSITIVE_INFINITY })
        if (namespace !== undefined) this.#compacted = checkpointOf(budget, { namespace, compacted: true })
      } catch (err) {
        signal.throwIfAborted()
        log.warn({ err, sessionId }, 'a conversation could not be summarised: its beginning is left out')
        this.#leaveOut()
      }
      if (this.#tokens() > room) this.#shortenTo(room)
    }
    const tokens = this.#tokens()
    if (tokens <= contextWindow) return this.#view()
    const message = `The conversation does not fit the context window of the model: about ${grouped(tokens)} of ${grouped(contextWindow)} tokens. ${settings.autoCompact ? 'It cannot be made shorter: write /new to begin another one' : 'Write /compact to have it summarised, or /new to begin another one'}`
    throw new RpcError('InternalError', message, { data: { retryable: false } })
  }

  /** @returns where the summary was kept; undefined where nothing can give way */
  async #compact({ force, all, limitMs }: { force: boolean; all: boolean; limitMs: number }): Promise<string | undefined> {
    const chat = this.#chat()
    const cut = cutAt(chat, { budget: this.#options.contextWindow * KEPT_SHARE, force })
    if (cut === 0) return undefined
    // In the middle of a run: what comes after is being worked on, and is seen in full.
    const text = await this.#summary(all ? chat : chat.slice(0, cut), limitMs)
    const { sessionId, contextWindow, contexts } = this.#options
    const from = this.#start.from + cut
    const summary = text + lastWords(this.#messages, from, contextWindow)
    const messages = this.#messages.slice(this.#stored.from, from).filter(({ role }) => role !== 'tool').length
    const tokens = this.#estimate({ summary, from })
    await contexts.compact({ ...this.#entry(text), messages, summary, tokens, contextWindow })
    this.#stored = this.#start = { summary, from }
    this.#counted = undefined
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
    const text = await summarise({ before: this.#start.summary, messages, contextWindow }, ask, bounded)
    if (!live()) throw new DOMException('The turn is over', 'AbortError')
    return text
  }

  #entry(text: string) {
    const { sessionId, now = Date.now } = this.#options
    const at = now()
    return { sessionId, key: new Date(at).toISOString(), text, now: at }
  }

  async #count(): Promise<void> {
    const { sessionId, contextWindow, contexts, live } = this.#options
    if (live()) await contexts.count({ sessionId, tokens: this.#tokens(), contextWindow })
  }

  /** For this turn only: a later one may be able to summarise it. */
  #leaveOut(): void {
    const { contextWindow } = this.#options
    const cut = cutAt(this.#chat(), { budget: contextWindow * KEPT_SHARE, force: false })
    if (cut === 0) return
    const from = this.#start.from + cut
    const summary = [this.#start.summary, LEFT_OUT].filter(Boolean).join('\n\n')
    this.#start = { summary: summary + lastWords(this.#messages, from, contextWindow), from }
    this.#less = true
    this.#counted = undefined
  }

  /** For this turn only, until what is too long now has been answered and can be summarised. */
  #shortenTo(room: number): void {
    const left = room - this.#beginning(this.#start.summary)
    // Of so little nothing could be understood.
    if (left < this.#options.contextWindow * LEAST_SHARE) return
    const short = shortenAll(this.#chat(), left)
    for (const [index, message] of short.entries()) this.#shown[this.#start.from + index] = message
    this.#less = true
    this.#counted = undefined
  }

  #view(): ChatMessage[] {
    const { summary } = this.#start
    return [...(summary === undefined ? [] : [summaryMessage(summary)]), ...this.#chat()]
  }

  /** The messages that the model sees word for word. */
  #chat(): ChatMessage[] {
    const { contextWindow } = this.#options
    for (let at = this.#shown.length; at < this.#messages.length; at++) {
      this.#shown.push(shorten(this.#messages[at]!, contextWindow * MESSAGE_SHARE))
    }
    return this.#shown.slice(this.#start.from)
  }

  #tokens(): number {
    const counted = this.#counted
    return counted ? this.#sum(counted.messages, counted.tokens) : this.#estimate(this.#start)
  }

  /** Tokens of a conversation that begins like this, where nobody has counted them. */
  #estimate({ summary, from }: Start): number {
    return this.#sum(from, this.#beginning(summary))
  }

  #sum(from: number, tokens: number): number {
    const chat = this.#chat().slice(from - this.#start.from)
    return chat.reduce((sum, message) => sum + tokensOf(message), tokens)
  }

  /** Tokens of what the model sees before the messages. */
  #beginning(summary: string | undefined): number {
    const { system, tools } = this.#options
    this.#before ??= tokensBefore(system, tools)
    return this.#before + (summary === undefined ? 0 : tokensOf(summaryMessage(summary)))
  }
}

/** The question that is being worked on, where it gives way itself: a summary may not have its words. */
function lastWords(messages: readonly ChatMessage[], from: number, contextWindow: number): string {
  const last = messages.findLastIndex(({ role }) => role === 'user')
  const message = messages[last]
  if (message === undefined || last >= from) return ''
  return `\n\nThe last message of the user, word for word:\n${shortenText(textOf(message), contextWindow / 16)}`
}
