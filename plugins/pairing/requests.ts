/** Requests that are remembered, of all channels. The oldest are forgotten first: strangers have any number of names. */
export const MAX_REQUESTS = 500
/** Requests of one channel, so that one flooded channel does not hide the others. */
export const MAX_OF_CHANNEL = 100

/** A sender who is not paired and has written. */
export interface PairingRequest {
  readonly channel: string
  readonly senderId: string
  readonly senderName: string | null
  /** Messages, none of which reached the agent. */
  readonly count: number
  /** Epoch milliseconds. */
  readonly firstAt: number
  readonly lastAt: number
}

/** Unknown senders who have written. In memory only: who still wants something writes again. */
export class PairingRequests {
  readonly #now: () => number
  /** The one that wrote last is the last. */
  readonly #requests = new Map<string, PairingRequest>()

  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  add({ channel, senderId, senderName }: Pick<PairingRequest, 'channel' | 'senderId' | 'senderName'>): void {
    const key = keyOf(channel, senderId)
    const now = this.#now()
    const before = this.#requests.get(key)
    this.#requests.delete(key)
    this.#requests.set(key, {
      channel,
      senderId,
      senderName,
      count: (before?.count ?? 0) + 1,
      firstAt: before?.firstAt ?? now,
      lastAt: now
    })
    const ofChannel = this.list(channel)
    if (ofChannel.length > MAX_OF_CHANNEL) this.remove(channel, ofChannel.at(-1)!.senderId)
    const [oldest] = this.#requests.keys()
    if (this.#requests.size > MAX_REQUESTS && oldest !== undefined) this.#requests.delete(oldest)
  }

  /** Newest first. */
  list(channel?: string): PairingRequest[] {
    return [...this.#requests.values()].filter((request) => channel === undefined || request.channel === channel).reverse()
  }

  /** `false`: there is none. */
  remove(channel: string, senderId: string): boolean {
    return this.#requests.delete(keyOf(channel, senderId))
  }
}

function keyOf(channel: string, senderId: string): string {
  return JSON.stringify([channel, senderId])
}
