import type { GatewayClient } from '../client.ts'
import { type RunEvent, runEventOf, type SessionEvent } from '../events.ts'
import type { EventFrame } from '../frames.ts'
import { Disconnected, RpcError } from '../index.ts'
import type { GatewayEvents } from '../methods.ts'
import { errorOf, type TurnBuilder } from './turn-builder.ts'
import type { TurnList } from './turn-list.ts'

const INVALID_REQUEST = -2
const SESSION_NOT_FOUND = 1
const CANCELLED = 4

export interface RunFeedOptions {
  readonly client: GatewayClient
  readonly sessionId: string
  readonly turns: TurnList
  /** An event is about to become part of its turn. */
  readonly onEvent: (event: RunEvent) => void
  /** Turns changed; with a run that begins or ends. */
  readonly onChange: (run?: { readonly runId: string; readonly ended: boolean }) => void
  readonly onAccepted: (accepted: GatewayEvents['accepted']) => void
  /** The gateway refused. */
  readonly onRefused: (error: unknown) => void
}

/**
 * Brings the events of a session's runs to its turns, for as long as it is started. Where the beginning of a run is missing, which was
 * followed by an earlier page or by another reader of this client, it asks for the run from the last event that its turn has, and takes that
 * request's events alone until it ends.
 */
export class RunFeed {
  readonly #options: RunFeedOptions
  #events: AsyncIterableIterator<SessionEvent> | undefined
  /** Runs whose missing events are on their way. */
  readonly #healing = new Set<string>()
  /** Runs of which the gateway gives no more: they go on with a gap. */
  readonly #broken = new Set<string>()

  constructor(options: RunFeedOptions) {
    this.#options = options
  }

  start(): void {
    if (this.#events) return
    const { client, sessionId } = this.#options
    this.#events = client.session(sessionId).follow()
    void this.#read(this.#events)
  }

  stop(): void {
    const events = this.#events
    this.#events = undefined
    void events?.return?.()
  }

  /**
   * Sends the messages of a run again, and brings the events of the new run until it ends.
   * @throws RpcError when the gateway refuses it; Disconnected when it may not have it
   */
  async retry(runId: string): Promise<void> {
    const { client, sessionId, onAccepted } = this.#options
    let accepted = false
    const onEvent = (frame: unknown): void => {
      accepted = true
      const event = runEventOf(frame as EventFrame)
      if (event) this.#pass(event)
      else if ((frame as EventFrame).event === 'accepted') onAccepted((frame as EventFrame).data as GatewayEvents['accepted'])
    }
    try {
      await client.call('agent.retry', { sessionId, runId }, { onEvent })
    } catch (error) {
      // Its turn says how it ended; after a break of the connection the history has it.
      if (!accepted) throw error
    }
  }

  async #read(events: AsyncIterableIterator<SessionEvent>): Promise<void> {
    try {
      for await (const event of events) {
        if (this.#events !== events) return
        this.#take(event)
      }
    } catch (error) {
      if (this.#events === events) this.#options.onRefused(error)
    } finally {
      // The client was closed or refused. The next connection starts it again.
      if (this.#events === events) this.#events = undefined
    }
  }

  #take(event: SessionEvent): void {
    if (event.runId === undefined) {
      if (event.event === 'accepted') this.#options.onAccepted(event.data)
      else if (event.event === 'reasoning') this.#think(event.data)
      return
    }
    if (this.#healing.has(event.runId)) return
    if (event.event === 'gap') void this.#heal(event.runId)
    else this.#pass(event as RunEvent)
  }

  #think(thought: GatewayEvents['reasoning']): void {
    const { turns, onChange } = this.#options
    const turn = turns.begin(thought.runId)
    if (turn.settled) return
    turn.think(thought)
    onChange()
  }

  #pass(event: RunEvent): void {
    const { turns, onEvent, onChange } = this.#options
    const { runId, seq, fromSeq = seq } = event
    // The lane ended a message before it had a run: those who sent it hear of it.
    if (event.event === 'error' && event.data.queue && !turns.run(runId)) {
      onChange()
      return
    }
    const begins = turns.run(runId)?.seq === undefined || turns.run(runId)?.seq === 0
    onEvent(event)
    let taken = turns.event(event)
    if (taken === 'missing') {
      if (!this.#broken.has(runId)) {
        void this.#heal(runId)
        return
      }
      turns.begin(runId).skip(fromSeq - 1)
      taken = turns.event(event)
    }
    if (taken !== 'taken') return
    const ended = turns.run(runId)?.ended === true
    if (ended) this.#broken.delete(runId)
    onChange(begins || ended ? { runId, ended } : undefined)
  }

  /** Brings runs under way that came from the history to their newest event. */
  catchUp(): void {
    for (const { state, stored, runId } of this.#options.turns.all) {
      if (state === 'working' && stored && runId !== undefined && !this.#healing.has(runId)) void this.#heal(runId)
    }
  }

  /** Asks for the events after the newest one that the turn has, and follows the run to its end. */
  async #heal(runId: string): Promise<void> {
    const turn = this.#options.turns.begin(runId)
    if (turn.ended || turn.settled) return
    this.#healing.add(runId)
    while (await this.#resumed(runId));
    this.#healing.delete(runId)
    this.#options.onChange({ runId, ended: !turn.open || !turn.complete })
  }

  /** Returns true when the gateway has a later part of the run only, from which on it is to be asked for again. */
  async #resumed(runId: string): Promise<boolean> {
    const { client, sessionId, turns } = this.#options
    const turn = turns.begin(runId)
    const onEvent = (frame: unknown): void => {
      const event = runEventOf(frame as EventFrame)
      if (event) this.#pass(event)
    }
    try {
      await client.call('sessions.resume', { sessionId, runId, afterSeq: turn.seq }, { onEvent })
      if (!turn.ended) turn.lose()
      return false
    } catch (error) {
      if (turn.ended || error instanceof Disconnected) return false
      const { firstSeq } = (error instanceof RpcError ? error.data : {}) as { firstSeq?: number }
      if (firstSeq !== undefined && firstSeq > turn.seq + 1) {
        turn.skip(firstSeq - 1)
        return true
      }
      turn.lose()
      this.#broken.add(runId)
      if (error instanceof RpcError && !error.data.queue) conclude(turn, error)
      return false
    }
  }
}

/** Ends the turn of a run whose events the gateway does not have any more. */
function conclude(turn: TurnBuilder, error: RpcError): void {
  if (error.code === INVALID_REQUEST || error.code === SESSION_NOT_FOUND) {
    turn.enter('unanswered', { code: error.code, message: 'The gateway no longer knows how this run ended' })
  } else if (!error.retryable) turn.enter(error.code === CANCELLED ? 'stopped' : 'failed', errorOf(error))
}
