import type { GatewayClient } from '../client.ts'
import { Disconnected } from '../index.ts'
import type { GatewayMethods } from '../methods.ts'
import type { LaneView } from './snapshot.ts'

type Queue = GatewayMethods['queue.get']['result']
export type QueuedMessage = Queue['messages'][number]

export interface LaneReaderOptions {
  readonly client: GatewayClient
  readonly sessionId: string
  readonly onRead: () => void
}

/** The queue of one session as the gateway has it. Reads it again on request: one read at a time, and one more when it was asked during a read. */
export class LaneReader {
  readonly #options: LaneReaderOptions
  /** Those that wait, without entries that are no messages. */
  messages: readonly QueuedMessage[] = []
  view: LaneView | undefined
  #reading: Promise<void> | undefined
  #again = false

  constructor(options: LaneReaderOptions) {
    this.#options = options
  }

  /** Resolves once the queue was read, begun after this call. */
  read(): Promise<void> {
    if (this.#reading) {
      this.#again = true
      return this.#reading
    }
    this.#reading = this.#readAll().finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  async #readAll(): Promise<void> {
    do {
      this.#again = false
      await this.#readOnce()
    } while (this.#again)
  }

  async #readOnce(): Promise<void> {
    const { client, sessionId, onRead } = this.#options
    try {
      const { messages, state, paused, policy, origin } = await client.call('queue.get', { sessionId })
      // An entry that is not a message has an empty preview.
      this.messages = messages.filter(({ preview }) => preview !== '')
      this.view = { state, paused, policy, origin }
    } catch (error) {
      if (error instanceof Disconnected) return
      // A session that does not exist yet has no queue. Other failures show at the messages themselves.
      this.messages = []
      this.view = undefined
    }
    onRead()
  }
}
