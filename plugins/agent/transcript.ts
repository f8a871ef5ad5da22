import type { Db, MessageParts, MessageRow, MessageUsage, NewMessage } from '../../db/client.ts'
import type { Attachment, ChatMessage } from '../providers/define.ts'

/** Milliseconds between two saves of an answer that is being written: a crash loses at most that much. */
const SAVE_EVERY_MS = 1000

/** Characters of the thoughts stored of one step. */
const MAX_REASONING = 256 * 1024

/**
 * Writes one run into the transcript, in order, as it comes about: the message of the user, then what the agent says and
 * what tools answer. The answer being written is saved about once a second with the status `partial`, so that a crash
 * leaves what was streamed. After `cut` nothing more is written, whatever an abandoned run still says.
 */
export class Transcript {
  readonly #messages: Db['messages']
  readonly #sessionId: string
  readonly #runId: string
  readonly #now: () => number
  /** The last write; the next one waits for it. */
  #tail: Promise<unknown> = Promise.resolve()
  /** The answer of the current step so far. */
  #text = ''
  /** Thoughts of the model in the current step so far. */
  #reasoning = ''
  /** The row of the current step's answer, once it was saved. */
  #row: Promise<number> | undefined
  #savedAt = 0
  #closed = false

  constructor(messages: Db['messages'], { sessionId, runId, now }: { sessionId: string; runId: string; now: () => number }) {
    this.#messages = messages
    this.#sessionId = sessionId
    this.#runId = runId
    this.#now = now
  }

  async user(content: string, attachments: readonly Attachment[]): Promise<void> {
    await this.#append({ role: 'user', content, attachments })
  }

  /** More of the current step's answer. */
  text(text: string): void {
    // The break between two steps is streamed, but belongs to neither.
    if (this.#text === '' && text.trim() === '') return
    this.#text += text
    if (this.#closed || this.#now() - this.#savedAt < SAVE_EVERY_MS) return
    // A write that fails here fails again at the end of the step, which reports it.
    this.#save({}, 'partial').catch(() => {})
  }

  /** More of the model's thoughts in the current step. They are stored beside its answer, up to a limit. */
  reasoning(text: string): void {
    this.#reasoning += text.slice(0, MAX_REASONING - this.#reasoning.length)
  }

  /** The current step's answer is complete. */
  async said(
    { text, toolCalls }: ChatMessage & { role: 'assistant' },
    files: readonly Attachment[] = [],
    usage?: MessageUsage
  ): Promise<void> {
    this.#text = text
    await this.#save(toolCalls ? { toolCalls } : {}, 'complete', usage)
    const row = this.#row
    if (files.length > 0 && row !== undefined) await this.#write(async () => this.#messages.attach(await row, files))
    this.#text = ''
    this.#reasoning = ''
    this.#row = undefined
  }

  /** Stores what a tool answered, with the files it made. */
  async heard(
    { output, callId, tool, failed }: ChatMessage & { role: 'tool' },
    attachments: readonly Attachment[]
  ): Promise<void> {
    await this.#append({ role: 'tool', content: output, parts: { callId, tool, failed }, attachments })
  }

  /**
   * The run ends here, whatever it still says: the streamed text stays, and its newest message is marked partial.
   * @param unanswered how the run failed, where it did; a question without any answer is marked with it
   */
  async cut(unanswered?: 'refused' | 'failed'): Promise<void> {
    if (!this.#closed) {
      if (this.#text !== '') this.#save({}, 'partial').catch(() => {})
      this.#write(() => this.#messages.cut(this.#sessionId, this.#runId, unanswered)).catch(() => {})
    }
    this.#closed = true
    await this.#tail.catch(() => {})
  }

  async #save(made: Pick<MessageParts, 'toolCalls'>, status: MessageRow['status'], usage?: MessageUsage): Promise<void> {
    if (this.#closed) return
    const whole = this.#reasoning === '' ? made : { ...made, reasoning: this.#reasoning }
    const parts = Object.keys(whole).length > 0 ? whole : null
    this.#savedAt = this.#now()
    const content = this.#text
    if (this.#row === undefined) {
      this.#row = this.#append({ role: 'assistant', content, parts, status, usage })
      await this.#row
      return
    }
    const row = this.#row
    await this.#write(async () => this.#messages.update({ id: await row, content, parts, status, usage }))
  }

  #append(message: Omit<NewMessage, 'sessionId' | 'runId' | 'createdAt'>): Promise<number> {
    const [sessionId, runId] = [this.#sessionId, this.#runId]
    return this.#write(() => this.#messages.append({ ...message, sessionId, runId, createdAt: this.#now() }))
  }

  #write<T>(write: () => Promise<T>): Promise<T> {
    const written = this.#tail.catch(() => {}).then(write)
    this.#tail = written
    return written
  }
}
