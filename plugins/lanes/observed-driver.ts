import type { LaneDriver, LaneEnd, RecoveredMessage } from '../../lanes/driver.ts'
import type { LaneMessage } from '../../lanes/message.ts'
import type { Hooks } from '../hooks/index.ts'
import type { Payload } from './driver.ts'
import type { RecentDrops } from './recent-drops.ts'

declare module '../hooks/hooks.ts' {
  interface HookEvents {
    /** A turn begins with these messages, or took them later. In the order in which the steps of messages and of work are stored. */
    'lane.claimed': { readonly messages: readonly LaneMessage<Payload>[]; readonly turnId: string }
    /** Messages have ended. With a `turnId` the turn is over, and these are all messages that it began with or took. */
    'lane.ended': { readonly ends: readonly LaneEnd<Payload, unknown>[]; readonly turnId: string | undefined }
    /** A message came, began or ended in a lane, or the lane was paused or resumed. */
    'lane.changed': { readonly sessionId: string }
    /** A run of the agent has taken messages: at its begin, and again for those that were steered into it. That is stored. */
    'run.claimed': { readonly sessionId: string; readonly runId: string; readonly owner: string }
    /** A run of the agent is over, and that is stored. */
    'run.ended': { readonly sessionId: string; readonly runId: string; readonly end: LaneEnd<Payload, unknown> }
  }
}

/** Driver that reports each claim and each end to the hooks, and passes it on to the driver that stores it. */
export class ObservedDriver implements LaneDriver<Payload, unknown> {
  readonly #driver: LaneDriver<Payload, unknown>
  readonly #hooks: Pick<Hooks, 'emit'>
  readonly #drops: Pick<RecentDrops, 'add'>

  constructor(driver: LaneDriver<Payload, unknown>, hooks: Pick<Hooks, 'emit'>, drops: Pick<RecentDrops, 'add'>) {
    this.#driver = driver
    this.#hooks = hooks
    this.#drops = drops
  }

  accept(laneId: string, message: LaneMessage<Payload>, body: unknown): Promise<void> {
    return this.#driver.accept(laneId, message, body)
  }

  async claim(laneId: string, messages: readonly LaneMessage<Payload>[], turnId: string): Promise<void> {
    this.#hooks.emit('lane.claimed', { messages, turnId })
    this.#hooks.emit('lane.changed', { sessionId: laneId })
    await this.#driver.claim(laneId, messages, turnId)
    const first = messages.find(({ payload }) => payload.kind === 'message')
    if (first !== undefined) this.#hooks.emit('run.claimed', { sessionId: laneId, runId: turnId, owner: first.owner })
  }

  async settle(laneId: string, ends: readonly LaneEnd<Payload, unknown>[], turnId?: string): Promise<void> {
    this.#drops.add(laneId, ends)
    this.#hooks.emit('lane.ended', { ends, turnId })
    this.#hooks.emit('lane.changed', { sessionId: laneId })
    await this.#driver.settle(laneId, ends, turnId)
    const first = ends.find(({ message: { payload } }) => payload.kind === 'message')
    if (first !== undefined && turnId !== undefined) {
      this.#hooks.emit('run.ended', { sessionId: laneId, runId: turnId, end: first })
    }
  }

  recover(): Promise<RecoveredMessage<Payload>[]> {
    return this.#driver.recover()
  }
}
