import type { Static } from '@sinclair/typebox'
import type { SendResult } from '../../rpc/schemas/agent.ts'
import { type EventListener, errorOf, type RunOutcome } from '../../rpc/schemas/run-events.ts'
import type { Stream } from './stream.ts'

/** What `agent.send` answers. */
export type Result = Static<typeof SendResult>

/** Who follows a message or a run until its end: a requester, or a client that came back. */
export class Waiter {
  readonly listener: EventListener
  /** The connection that is told. Its subscription leaves out what it gets here. */
  readonly connectionId: string | undefined
  readonly outcome: Promise<Result>
  /** Where it is a reader. */
  readonly streams = new Set<Stream>()
  /** Absent when it follows a run, and ends with that. */
  readonly message: Message | undefined
  readonly #ending = Promise.withResolvers<Result>()

  constructor(listener: EventListener, connectionId: string | undefined, message?: Message) {
    this.listener = listener
    this.connectionId = connectionId
    this.message = message
    this.outcome = this.#ending.promise
    // Whoever asked may be gone before the end comes.
    this.outcome.catch(() => {})
  }

  settle(settled: RunOutcome): void {
    if ('result' in settled) this.#ending.resolve(settled.result)
    else this.#ending.reject(errorOf(settled.error))
  }
}

/** A message that somebody follows, or that is part of a run that is still known. */
export interface Message {
  readonly sessionId: string
  readonly id: string
  readonly followers: Set<Waiter>
  /** The runs it is part of, in the order in which it joined them, and after which of their events. */
  readonly joins: Map<Stream, number>
  settled: RunOutcome | undefined
}
