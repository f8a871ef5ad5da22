import type { LaneDriver, LaneEnd, RecoveredMessage } from '../../lanes/driver.ts'
import type { LaneMessage } from '../../lanes/message.ts'
import type { Hooks } from '../hooks/index.ts'
import type { Payload } from './driver.ts'

declare module '../hooks/hooks.ts' {
  /** In the order in which the steps of messages and of work are stored. */
  interface HookEvents {
    /** A turn begins with these messages, or took them later. */
    'lane.claimed': { readonly messages: readonly LaneMessage<Payload>[]; readonly turnId: string }
    /** Messages have ended. With a `turnId` the turn is over, and these are all messages that it began with or took. */
    'lane.ended': { readonly ends: readonly LaneEnd<Payload, unknown>[]; readonly turnId: string | undefined }
  }
}

/** Driver that reports each claim and each end to the hooks, then passes it on to the driver that stores it. */
export class ObservedDriver implements LaneDriver<Payload, unknown> {
  readonly #driver: LaneDriver<Payload, unknown>
  readonly #hooks: Pick<Hooks, 'emit'>

  constructor(driver: LaneDriver<Payload, unknown>, hooks: Pick<Hooks, 'emit'>) {
    this.#driver = driver
    this.#hooks = hooks
  }

  accept(laneId: string, message: LaneMessage<Payload>, body: unknown): Promise<void> {
    return this.#driver.accept(laneId, message, body)
  }

  claim(laneId: string, messages: readonly LaneMessage<Payload>[], turnId: string): Promise<void> {
    this.#hooks.emit('lane.claimed', { messages, turnId })
    return this.#driver.claim(laneId, messages, turnId)
  }

  settle(laneId: string, ends: readonly LaneEnd<Payload, unknown>[], turnId?: string): Promise<void> {
    this.#hooks.emit('lane.ended', { ends, turnId })
    return this.#driver.settle(laneId, ends, turnId)
  }

  recover(): Promise<RecoveredMessage<Payload>[]> {
    return this.#driver.recover()
  }
}
