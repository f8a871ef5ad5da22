import type { ChatMessage, ToolSpec } from '../providers/define.ts'
import { cutAt } from './cut.ts'
import { shorten, shortenAll, shortenText } from './shorten.ts'
import { summaryMessage } from './summary.ts'
import { textOf, tokensBefore, tokensOf, tokensOfAll } from './tokens.ts'

/** Shares of the window: the largest message, and all that stay word for word when a conversation is compacted. */
const MESSAGE_SHARE = 1 / 2
const KEPT_SHARE = 1 / 4
/** Messages are not cut to a smaller share together: nothing of them could be understood. */
const LEAST_SHARE = 1 / 16
/** Stands for messages that could not be summarised. */
const LEFT_OUT = 'The messages before did not fit, and could not be summarised: they are missing here.'

/** Stands for earlier turns that a provider has refused. */
export const REFUSED = 'The messages before are left out, because the provider of the model refused a request with them.'

/** Tokens of the first messages and of everything before them. */
interface Counted {
  readonly tokens: number
  readonly messages: number
}

/** Beginning of a conversation: a summary, and the first message that is shown. */
interface Start {
  readonly summary: string | undefined
  readonly from: number
}

export interface ContextWindowOptions {
  /** The stored conversation, in order. */
  readonly history: readonly ChatMessage[]
  readonly summary: string | undefined
  /** Counted tokens of the first `messages` of the history and everything before them, for this window. */
  readonly counted: Counted | undefined
  readonly system: string
  readonly tools: readonly ToolSpec[]
  readonly contextWindow: number
}

/** A conversation as a model may see it, and about how many tokens that is. It asks no model and stores nothing. */
export class ContextWindow {
  #contextWindow: number
  /** Tokens of the system prompt and the tools, estimated at the first use. */
  readonly #before: () => number
  /** The whole conversation since it was read: a list that grows at its end. */
  #messages: readonly ChatMessage[]
  /** Each of them as a model may see it, no larger than its share. */
  readonly #shown: ChatMessage[] = []
  /** As it is stored. */
  #stored: Start
  /** As the model sees it: it may miss what could not be summarised. */
  #start: Start
  /** Reported by a provider, or counted before. */
  #counted: Counted | undefined
  /** The model sees less than the stored conversation. */
  #less = false

  constructor({ history, summary, counted, system, tools, contextWindow }: ContextWindowOptions) {
    let before: number | undefined
    this.#contextWindow = contextWindow
    this.#before = () => {
      before ??= tokensBefore(system, tools)
      return before
    }
    this.#messages = history
    this.#stored = this.#start = { summary, from: 0 }
    this.#counted = counted
  }

  /** Summary of earlier messages. */
  get summary(): string | undefined {
    return this.#start.summary
  }

  /** All messages that the model sees. */
  get all(): ChatMessage[] {
    const { summary } = this.#start
    return [...(summary === undefined ? [] : [summaryMessage(summary)]), ...this.chat]
  }

  /** The messages among that, word for word. */
  get chat(): ChatMessage[] {
    for (let at = this.#shown.length; at < this.#messages.length; at++) {
      this.#shown.push(shorten(this.#messages[at]!, this.#contextWindow * MESSAGE_SHARE))
    }
    return this.#shown.slice(this.#start.from)
  }

  get tokens(): number {
    const counted = this.#counted
    return counted ? this.#sum(counted.messages, counted.tokens) : this.#estimate(this.#start)
  }

  /** The system prompt and the tools leave no room for messages. */
  get hopeless(): boolean {
    return this.#before() > this.#contextWindow * (1 - LEAST_SHARE)
  }

  /** Tokens of the system prompt and the tools. */
  get before(): number {
    return this.#before()
  }

  /** `messages` is the history with what was added to it since, always the same list. */
  grow(messages: readonly ChatMessage[]): void {
    this.#messages = messages
  }

  /** The provider has reported the tokens of its input and of its answer, which is about to be added. */
  count(tokens: number): void {
    this.#counted = { tokens, messages: this.#messages.length + 1 }
  }

  /** Number of messages that may give way; 0 for none. `force`: one has to, if it can. */
  cut(force: boolean): number {
    return cutAt(this.chat, { budget: this.#contextWindow * KEPT_SHARE, force })
  }

  /** The conversation with a summary in the place of the first `cut` messages. `messages`: those that give way, without results of tools. */
  compacted(cut: number, text: string): { summary: string; from: number; tokens: number; messages: number } {
    const from = this.#start.from + cut
    const start = { summary: text + this.#lastWords(from), from }
    const messages = this.#messages.slice(this.#stored.from, from).filter(({ role }) => role !== 'tool').length
    return { ...start, tokens: this.#estimate(start), messages }
  }

  /** A compaction was stored. */
  begin({ summary, from }: Start): void {
    this.#stored = this.#start = { summary, from }
    this.#counted = undefined
  }

  /** The window turned out to be smaller. */
  resize(contextWindow: number): void {
    this.#contextWindow = contextWindow
    this.#shown.length = 0
    // Counted for another window: the estimate is compared with the provider's own count no more.
    this.#counted = undefined
  }

  /** Number of the messages before the one at `index` of the history that the model sees, a summary included. */
  shownBefore(index: number): number {
    const { summary, from } = this.#start
    return Math.max(0, index - from) + (summary === undefined ? 0 : 1)
  }

  /** Until `restore`: nothing of what came before the message at `index` of the history. */
  leaveOutBefore(index: number): void {
    this.#start = { summary: REFUSED, from: Math.max(index, this.#start.from) }
    this.#lessNow()
  }

  /** Number of messages before the one at `index` of the history. */
  cutBefore(index: number): number {
    return Math.max(0, index - this.#start.from)
  }

  /** Until `restore`: without its beginning, which a later turn may be able to summarise. */
  leaveOut(): void {
    const cut = this.cut(false)
    if (cut === 0) return
    const from = this.#start.from + cut
    const summary = [this.#start.summary, LEFT_OUT].filter(Boolean).join('\n\n')
    this.#start = { summary: summary + this.#lastWords(from), from }
    this.#lessNow()
  }

  /** Until `restore`: the messages are cut, where that leaves anything of them. */
  shortenTo(room: number): void {
    const left = room - this.#beginning(this.#start.summary)
    if (left < this.#contextWindow * LEAST_SHARE) return
    for (const [index, message] of shortenAll(this.chat, left).entries()) this.#shown[this.#start.from + index] = message
    this.#lessNow()
  }

  /** Everything that is stored is seen again. */
  restore(): void {
    if (!this.#less) return
    this.#less = false
    this.#start = this.#stored
    this.#shown.length = 0
    // The count is that of fewer messages.
    this.#counted = undefined
  }

  #lessNow(): void {
    this.#less = true
    this.#counted = undefined
  }

  /** Estimated tokens of a conversation that begins like this. */
  #estimate({ summary, from }: Start): number {
    return this.#sum(from, this.#beginning(summary))
  }

  #sum(from: number, tokens: number): number {
    const chat = this.chat.slice(from - this.#start.from)
    return tokens + tokensOfAll(chat)
  }

  /** Tokens of what the model sees before the messages. */
  #beginning(summary: string | undefined): number {
    return this.#before() + (summary === undefined ? 0 : tokensOf(summaryMessage(summary)))
  }

  /** The question that is being worked on, where it gives way itself: a summary may not have its words. */
  #lastWords(from: number): string {
    const last = this.#messages.findLastIndex(({ role }) => role === 'user')
    const message = this.#messages[last]
    if (message === undefined || last >= from) return ''
    return `\n\nThe last message of the user, word for word:\n${shortenText(textOf(message), this.#contextWindow / 16)}`
  }
}
