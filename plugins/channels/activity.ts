import type { Receipt } from './define.ts'

/** Traffic of one channel since the gateway started. */
export interface ChannelActivity {
  readonly received: number
  /** Messages that could not be stored. */
  readonly failed: number
  /** Epoch milliseconds; null before the first message. */
  readonly lastReceivedAt: number | null
}

const NOTHING: ChannelActivity = { received: 0, failed: 0, lastReceivedAt: null }

/** Counts the messages of the channels. Their names come from the gateway, so they are few. */
export class Activity {
  readonly #of = new Map<string, ChannelActivity>()

  received(channel: string, outcome: Receipt['state'] | 'failed', now: number): void {
    const { received, failed } = this.of(channel)
    this.#of.set(channel, {
      received: received + 1,
      failed: failed + (outcome === 'failed' ? 1 : 0),
      lastReceivedAt: now
    })
  }

  of(channel: string): ChannelActivity {
    return this.#of.get(channel) ?? NOTHING
  }
}
