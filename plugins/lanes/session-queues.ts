import type { Static } from '@sinclair/typebox'
import type { Db } from '../../db/client.ts'
import type { Lanes } from '../../lanes/lanes.ts'
import type { Caller } from '../../rpc/define.ts'
import { sessionNotFound } from '../../rpc/errors.ts'
import { type LaneDetails, ownedBy, type QueueDetails, type QueuedMessage } from '../../rpc/schemas/queue.ts'
import type { Payload } from './driver.ts'
import type { Policies } from './policies.ts'
import type { RecentDrops } from './recent-drops.ts'

/** Messages shown of one lane in a list of lanes. */
export const LISTED_MESSAGES = 20
/** Dropped messages shown of one lane. */
const LISTED_DROPS = 5

type SessionLanes = Pick<
  Lanes<Payload, unknown>,
  'has' | 'ids' | 'held' | 'snapshot' | 'queued' | 'cancelMessage' | 'clear' | 'hold' | 'release'
>

interface SessionQueuesOptions {
  readonly lanes: SessionLanes
  readonly policies: Pick<Policies, 'describe'>
  readonly sessions: Pick<Db['sessions'], 'get' | 'configure' | 'unset'>
  readonly drops: Pick<RecentDrops, 'of' | 'size'>
  readonly now?: () => number
}

type Details = Static<typeof QueueDetails>

/** Shows and changes what waits in the lanes of sessions. Methods about one session reject with SessionNotFound for an unknown one. */
export class SessionQueues {
  readonly #lanes: SessionLanes
  readonly #policies: SessionQueuesOptions['policies']
  readonly #sessions: SessionQueuesOptions['sessions']
  readonly #drops: SessionQueuesOptions['drops']
  readonly #now: () => number

  constructor({ lanes, policies, sessions, drops, now = Date.now }: SessionQueuesOptions) {
    this.#lanes = lanes
    this.#policies = policies
    this.#sessions = sessions
    this.#drops = drops
    this.#now = now
  }

  /** State of the lane, its policy, and its waiting messages in the order in which they run. */
  async get(sessionId: string): Promise<Details> {
    await this.assertKnown(sessionId)
    return await this.#details(sessionId)
  }

  /** One lane as in a list. Of a session without anything to do it is an idle one. */
  async describe(sessionId: string): Promise<Static<typeof LaneDetails>> {
    const { messages, ...rest } = await this.#details(sessionId)
    const drops = this.#drops.of(sessionId)
    return {
      ...rest,
      messages: messages.slice(0, LISTED_MESSAGES),
      droppedCount: drops.length,
      dropped: drops.slice(0, LISTED_DROPS)
    }
  }

  /** Lanes that have anything to do, and paused ones: those with the longest wait first, then those with the longest run. */
  async list({ limit, offset }: { readonly limit: number; readonly offset: number }) {
    const now = this.#now()
    const lanes = [...new Set([...this.#lanes.ids(), ...this.#lanes.held])].map((id) => {
      const { depth, running, oldestAgeMs } = this.#lanes.snapshot(id)
      return { id, depth, running, oldest: oldestAgeMs ?? -1, ran: running === undefined ? -1 : now - running.since }
    })
    lanes.sort((one, other) => other.oldest - one.oldest || other.ran - one.ran || (one.id < other.id ? -1 : 1))
    const oldest = lanes[0]?.oldest ?? -1
    const shown = await Promise.all(lanes.slice(offset, offset + limit).map(({ id }) => this.describe(id)))
    return {
      lanes: shown,
      total: lanes.length,
      summary: {
        running: lanes.filter(({ running }) => running !== undefined).length,
        waiting: lanes.reduce((sum, { depth }) => sum + depth, 0),
        paused: this.#lanes.held.size,
        oldestAgeMs: oldest < 0 ? null : oldest,
        dropped: this.#drops.size
      }
    }
  }

  /** Cancels one waiting message. Returns false when it does not wait any more, or the caller may not cancel it. */
  async cancel(sessionId: string, messageId: string, caller: Caller): Promise<boolean> {
    await this.assertKnown(sessionId)
    return this.#lanes.cancelMessage(sessionId, messageId, ownedBy(caller))
  }

  /** Cancels all waiting messages that the caller may cancel. Returns how many. What runs goes on. */
  async clear(sessionId: string, caller: Caller): Promise<number> {
    await this.assertKnown(sessionId)
    return this.#lanes.clear(sessionId, ownedBy(caller))
  }

  /** Keeps the lane from beginning another turn, across restarts, until `resume`. */
  async pause(sessionId: string): Promise<void> {
    await this.assertKnown(sessionId)
    await this.#sessions.configure(sessionId, { paused: true }, this.#now())
    this.#lanes.hold(sessionId)
  }

  /** Lets a paused lane go on. */
  async resume(sessionId: string): Promise<void> {
    await this.assertKnown(sessionId)
    await this.#sessions.unset(sessionId, 'paused')
    this.#lanes.release(sessionId)
  }

  /** @throws RpcError SessionNotFound when the session is neither stored nor has anything in its lane */
  async assertKnown(sessionId: string): Promise<void> {
    if (!this.#lanes.has(sessionId) && !(await this.#sessions.get(sessionId))) throw sessionNotFound(sessionId)
  }

  async #details(sessionId: string): Promise<Details> {
    const { policy, origin } = await this.#policies.describe(sessionId)
    // No await from here on: the parts belong together.
    const { state, depth, oldestAgeMs = null, running: turn } = this.#lanes.snapshot(sessionId)
    const now = this.#now()
    const ageOf = (time: number): number => Math.max(0, now - time)
    const running =
      turn === undefined ? null : { runId: turn.id, owner: turn.owner, sinceMs: turn.since, ageMs: ageOf(turn.since) }
    const messages = this.#lanes.queued(sessionId).map(
      ({ id, policy: { mode }, owner, priority, payload, acceptedAt }, index): Static<typeof QueuedMessage> => ({
        messageId: id,
        mode,
        owner,
        priority,
        preview: payload.kind === 'message' ? payload.preview : '',
        acceptedAt,
        ageMs: ageOf(acceptedAt),
        position: index + (running ? 1 : 0)
      })
    )
    const paused = this.#lanes.held.has(sessionId)
    return { sessionId, state, paused, depth, oldestAgeMs, running, policy, origin, messages }
  }
}
