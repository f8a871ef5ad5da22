import type { FastifyBaseLogger } from 'fastify'
import type { Db, PostRow } from '../../db/client.ts'
import { Alarm, type Clock } from '../../lanes/clock.ts'
import { masked, printable } from '../../security/sanitize.ts'
import type { Channel } from './define.ts'
import { DeliveryError } from './define.ts'
import { partsOf } from './parts.ts'

/** Conversations that are written to at the same time. */
const AT_ONCE = 16
/** What one call of a platform may take; BlueBubbles waits until the Mac has sent it. */
const TIMEOUT_MS = 60_000
/** Between two tries, doubled each time. */
const FIRST_WAIT_MS = 1000
const LONGEST_WAIT_MS = 5 * 60_000
/** A platform that wants to be left alone is, for up to so long. */
const LONGEST_PAUSE_MS = 60 * 60_000
/** Nobody waits for an answer any longer. */
const KEPT_MS = 24 * 60 * 60_000
/** What the last answers get at the end of the process. */
const GOODBYE_MS = 3000
const CLOSING = new DOMException('The gateway is closing', 'AbortError')
/** How often it is looked for what is due, or was posted by a run that nobody here has waited for, such as one of the last process. */
const LOOK_EVERY_MS = 2000

interface OutboxOptions {
  readonly store: Db['outbox']
  readonly channel: (name: string) => Channel | undefined
  readonly clock: Clock
  readonly log: Pick<FastifyBaseLogger, 'warn' | 'error'>
}

/**
 * Sends what is to be said on channels: in each conversation one thing after the other, each part of it once the one before has gone. What
 * fails is tried again for a day where the platform allows it. It lies in the database until then.
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

  /** There may be something to send. From the first call on it is looked for it until `close`. */
  look(): void {
    if (this.#closing.signal.aborted) return
    this.#again.set(LOOK_EVERY_MS, () => this.look())
    void this.#take()
  }

  /** What is due is still sent, as far as a moment reaches; the rest is sent after the next start. */
  async close(): Promise<void> {
    const callOff = this.#clock.after(GOODBYE_MS, () => this.#closing.abort(CLOSING))
    for (await this.#take(); this.#underWay.size > 0; await this.#take()) await Promise.race(this.#underWay.values())
    callOff()
    this.#closing.abort(CLOSING)
    this.#again.clear()
  }

  async #take(): Promise<void> {
    // What is being sent now may be sent by the time the answer is here.
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
      this.#log.error({ err }, 'the outbox could not be read')
    }
  }

  #sent({ id }: PostRow): void {
    this.#underWay.delete(id)
    this.look()
  }

  async #send(post: PostRow): Promise<void> {
    const channel = this.#channel(post.channel)
    try {
      if (!channel) throw new DeliveryError('there is no such channel any more', { retryable: false })
      const parts = partsOf(post.text, channel.limit)
      for (let sent = post.sent; sent < parts.length; sent++) {
        const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(TIMEOUT_MS)])
        const { conversation, context } = post
        await channel.deliver({ conversation, context, text: parts[sent]!, id: `${post.id}-${post.createdAt}-${sent}`, signal })
        if (sent + 1 < parts.length) await this.#store.progress(post.id, sent + 1)
      }
      await this.#store.remove(post.id)
    } catch (cause) {
      await this.#failed(post, cause).catch((err) => this.#log.error({ err }, 'how a delivery ended could not be stored'))
    }
  }

  async #failed(post: PostRow, cause: unknown): Promise<void> {
    // It was broken off, which says nothing about the platform.
    if (this.#closing.signal.aborted) return
    const now = this.#clock.now()
    const { retryable, retryAfterMs = 0 } = cause instanceof DeliveryError ? cause : { retryable: true }
    const reason = masked(cause instanceof Error ? cause.message : String(cause), { limit: 500 })
    const what = { channel: post.channel, conversation: printable(post.conversation, 256), attempts: post.attempts + 1, reason }
    if (!retryable || now - post.createdAt > KEPT_MS) {
      this.#log.error(what, 'an answer could not be delivered and is given up')
      return await this.#store.remove(post.id)
    }
    // Some say that it can be tried again at once, again and again.
    const wait = Math.max(Math.min(FIRST_WAIT_MS * 2 ** post.attempts, LONGEST_WAIT_MS), Math.min(retryAfterMs, LONGEST_PAUSE_MS))
    this.#log.warn({ ...what, retryInMs: wait }, 'an answer could not be delivered yet')
    await this.#store.postpone(post.id, now + wait)
  }
}
