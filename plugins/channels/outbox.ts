import type { FastifyBaseLogger } from 'fastify'
import type { Db, PostRow } from '../../db/client.ts'
import { Alarm, type Clock } from '../../lanes/clock.ts'
import { masked, printable } from '../../security/sanitize.ts'
import type { Channel } from './define.ts'
import { DeliveryError } from './define.ts'
import { partsOf } from './parts.ts'

/** Conversations with a delivery under way. */
const AT_ONCE = 16
/** Deadline of one call of a platform. BlueBubbles answers only once the Mac has sent the message. */
const TIMEOUT_MS = 60_000
/** Pause before the second try, doubled for each further one. */
const FIRST_WAIT_MS = 1000
const LONGEST_WAIT_MS = 5 * 60_000
/** Longest pause that a platform can ask for. */
const LONGEST_PAUSE_MS = 60 * 60_000
/** Age after which an answer is given up. */
const KEPT_MS = 24 * 60 * 60_000
/** Time for the last answers at the end of the process. */
const GOODBYE_MS = 3000
const CLOSING = new DOMException('The gateway is closing', 'AbortError')
/** Interval of looking for due posts, some of which come from runs without a waiting caller, such as those of the last process. */
const LOOK_EVERY_MS = 2000

interface OutboxOptions {
  readonly store: Db['outbox']
  readonly channel: (name: string) => Channel | undefined
  readonly clock: Clock
  readonly log: Pick<FastifyBaseLogger, 'warn' | 'error'>
}

/**
 * Delivers posts on channels: in each conversation one after the other, part by part. A failed delivery is tried again for a day where the
 * platform allows it. Posts stay in the database until they are delivered.
 */
export class Outbox {
  readonly #store: Db['outbox']
  readonly #channel: OutboxOptions['channel']
  readonly #clock: Clock
  readonly #log: OutboxOptions['log']
  readonly #closing = new AbortController()
  /** By post. */
  readonly #underWay = new Map<number, Promise<void>>()
  readonly #again: Alarm

  constructor({ store, channel, clock, log }: OutboxOptions) {
    this.#store = store
    this.#channel = channel
    this.#clock = clock
    this.#log = log
    this.#again = new Alarm(clock)
  }

  /** Looks for due posts now, and regularly from the first call until `close`. */
  look(): void {
    if (this.#closing.signal.aborted) return
    this.#again.set(LOOK_EVERY_MS, () => this.look())
    void this.#take()
  }

  /** Sends due posts for a moment more; the rest is sent after the next start. */
  async close(): Promise<void> {
    const callOff = this.#clock.after(GOODBYE_MS, () => this.#closing.abort(CLOSING))
    for (await this.#take(); this.#underWay.size > 0; await this.#take()) await Promise.race(this.#underWay.values())
    callOff()
    this.#closing.abort(CLOSING)
    this.#again.clear()
  }

  async #take(): Promise<void> {
    // Posts under way now may be gone by the time the database answers.
    const known = new Set(this.#underWay.keys())
    if (known.size >= AT_ONCE || this.#closing.signal.aborted) return
    try {
      const due = await this.#store.due(this.#clock.now(), AT_ONCE)
      for (const post of due) {
        if (known.has(post.id) || this.#underWay.has(post.id) || this.#underWay.size >= AT_ONCE) continue
        this.#underWay.set(
          post.id,
          this.#send(post).finally(() => this.#sent(post))
        )
      }
    } catch (err) {
      this.#log.error({ err }, 'failed to read the outbox')
    }
  }

  #sent({ id }: PostRow): void {
    this.#underWay.delete(id)
    this.look()
  }

  async #send(post: PostRow): Promise<void> {
    const channel = this.#channel(post.channel)
    try {
      if (!channel) throw new DeliveryError('the channel no longer exists', { retryable: false })
      const parts = partsOf(post.text, channel.limit)
      for (let sent = post.sent; sent < parts.length; sent++) {
        const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(TIMEOUT_MS)])
        const { conversation, context } = post
        await channel.deliver({ conversation, context, text: parts[sent]!, id: `${post.id}-${post.createdAt}-${sent}`, signal })
        if (sent + 1 < parts.length) await this.#store.progress(post.id, sent + 1)
      }
      await this.#store.remove(post.id)
    } catch (cause) {
      await this.#failed(post, cause).catch((err) => this.#log.error({ err }, 'failed to store the end of a delivery'))
    }
  }

  async #failed(post: PostRow, cause: unknown): Promise<void> {
    // The gateway broke it off, which says nothing about the platform.
    if (this.#closing.signal.aborted) return
    const now = this.#clock.now()
    const { retryable, retryAfterMs = 0 } = cause instanceof DeliveryError ? cause : { retryable: true }
    const reason = masked(cause instanceof Error ? cause.message : String(cause), { limit: 500 })
    const what = { channel: post.channel, conversation: printable(post.conversation, 256), attempts: post.attempts + 1, reason }
    if (!retryable || now - post.createdAt > KEPT_MS) {
      this.#log.error(what, 'failed to deliver an answer, it is given up')
      return await this.#store.remove(post.id)
    }
    // Some platforms ask for no pause, again and again.
    const wait = Math.max(Math.min(FIRST_WAIT_MS * 2 ** post.attempts, LONGEST_WAIT_MS), Math.min(retryAfterMs, LONGEST_PAUSE_MS))
    this.#log.warn({ ...what, retryInMs: wait }, 'failed to deliver an answer, it is tried again')
    await this.#store.postpone(post.id, now + wait)
  }
}
