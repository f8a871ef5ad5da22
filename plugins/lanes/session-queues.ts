import type { Static } from '@sinclair/typebox'
import type { Db } from '../../db/client.ts'
import type { Lanes } from '../../lanes/lanes.ts'
import type { Caller } from '../../rpc/define.ts'
import { sessionNotFound } from '../../rpc/errors.ts'
import { ownedBy, type QueueDetails } from '../../rpc/schemas/queue.ts'
import type { Payload } from './driver.ts'
import type { Policies } from './policies.ts'

type SessionLanes = Pick<Lanes<Payload, unknown>, 'has' | 'snapshot' | 'queued' | 'cancelMessage' | 'clear'>

interface SessionQueuesOptions {
  readonly lanes: SessionLanes
  readonly policies: Pick<Policies, 'resolve'>
  readonly sessions: Pick<Db['sessions'], 'get'>
}

/** Shows and changes what waits in the lanes of sessions. Every method rejects with SessionNotFound for an unknown session. */
export class SessionQueues {
  readonly #lanes: SessionLanes
  readonly #policies: SessionQueuesOptions['policies']
  readonly #sessions: SessionQueuesOptions['sessions']

  constructor({ lanes, policies, sessions }: SessionQueuesOptions) {
    this.#lanes = lanes
    this.#policies = policies
    this.#sessions = sessions
  }

  /** State of the lane, its policy, and its waiting messages in the order in which they run. */
  async get(sessionId: string): Promise<Static<typeof QueueDetails>> {
    await this.assertKnown(sessionId)
    const policy = await this.#policies.resolve(sessionId)
    // No await from here on: the parts belong together.
    const { state, depth, oldestAgeMs = null, running: turn } = this.#lanes.snapshot(sessionId)
    const running = turn === undefined ? null : { runId: turn.id, owner: turn.owner, sinceMs: turn.since }
    const messages = this.#lanes
      .queued(sessionId)
      .map(({ id, policy: { mode }, owner, priority, payload, acceptedAt }, index) => ({
        messageId: id,
        mode,
        owner,
        priority,
        preview: payload.kind === 'message' ? payload.preview : '',
        acceptedAt,
        position: index + (running ? 1 : 0)
      }))
    return { sessionId, state, depth, oldestAgeMs, running, policy, messages }
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

  /** @throws RpcError SessionNotFound when the session is neither stored nor has anything in its lane */
  async assertKnown(sessionId: string): Promise<void> {
    if (!this.#lanes.has(sessionId) && !(await this.#sessions.get(sessionId))) throw sessionNotFound(sessionId)
  }
}
