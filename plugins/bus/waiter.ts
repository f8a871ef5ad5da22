import type { Static } from '@sinclair/typebox'
import type { SendResult } from '../../rpc/schemas/agent.ts'
import { type EventListener, errorOf, type RunOutcome } from '../../rpc/schemas/run-events.ts'
import type { Stream } from './stream.ts'

/** Result of `agent.send`. */
export type Result = Static<typeof SendResult>

/** Follows a message or a run until its end, for a requester or a client that came back. */
export class Waiter {
  readonly listener: EventListener
  /** Connection of the listener. Its subscription leaves out events that the listener gets here. */
  readonly connectionId: string | undefined
  readonly outcome: Promise<Result>
  /** Streams that it reads. */
  readonly streams = new Set<Stream>()
  /** Absent when it follows a run until the end of that run. */
  readonly message: Message | undefined
  readonly #ending = Promise.withResolvers<Result>()

  constructor(listener: EventListener, connectionId: string | undefined, message?: Message) {
    this.listener = listener
    this.connectionId = connectionId
    this.message = message
    this.outcome = this.#ending.promise
    // The requester may be gone before the end comes.
    this.outcome.catch(() => {})
  }

  settle(settled: RunOutcome): void {
    if ('result' in settled) this.#ending.resolve(settled.result)
    else this.#ending.reject(errorOf(settled.error))
  }
}

/** A message with followers, or one that is part of a known run. */
export interface Message {
  readonly sessionId: string
  readonly id: string
  readonly followers: Set<Waiter>
  /** Runs it is part of, in the order in which it joined them, each with the number of the newest event before. */
  readonly joins: Map<Stream, number>
  settled: RunOutcome | undefined
}
