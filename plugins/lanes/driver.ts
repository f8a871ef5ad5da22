import type { Db, QueueEnd, RunEnd, StoredReply } from '../../db/client.ts'
import type { LaneDriver, LaneEnd, RecoveredMessage } from '../../lanes/driver.ts'
import type { LaneMessage } from '../../lanes/message.ts'
import type { Turn } from '../../lanes/turn.ts'

/** Part of a waiting message that a lane keeps in memory. */
export type Payload =
  /** Stored: it outlives the process. `preview` is the beginning of its text, `reply` a conversation that gets the answer as well. */
  | {
      readonly kind: 'message'
      /** Changes when the text is edited. */
      preview: string
      readonly reply?: StoredReply | undefined
      /** Runs a function in the async context of the sender. Not stored: absent after a restart. */
      within?<R>(run: () => R): R
    }
  /** Not stored: it ends with the process, and so does its requester. */
  | { readonly kind: 'work'; run(turn: Turn<Payload>): unknown }

/** Part of a message that only the database keeps, until the message has ended. */
export interface MessageBody {
  /** Any JSON. */
  readonly data: unknown
  /** A second message of the session with the same key is a `Duplicate`. */
  readonly idempotencyKey?: string | undefined
}

/** Creates the rows for ends, and for their run if they had one. */
type Recorder = (
  ends: readonly LaneEnd<Payload, unknown>[],
  runId: string | undefined
) => { readonly ends: readonly QueueEnd[]; readonly run?: RunEnd | undefined }

/** Thrown for a message that was sent before. Nothing was stored. */
export class Duplicate extends Error {
  override readonly name = 'Duplicate'
  /** Id of the first one. */
  readonly of: string

  constructor(of: string) {
    super(`This message was sent before, as ${of}`)
    this.of = of
  }
}

/** Driver that keeps messages in the database. A lane's id is the id of its session, a turn's id is the id of its run. */
export class StoredMessages implements LaneDriver<Payload, unknown> {
  readonly #queue: Db['queue']
  readonly #record: Recorder
  readonly #now: () => number
  readonly #owed: Parameters<Db['queue']['settle']>[0][] = []
  /** Set while owed ends are being stored. */
  #settling: Promise<void> | undefined

  constructor(queue: Db['queue'], record: Recorder, now: () => number = Date.now) {
    this.#queue = queue
    this.#record = record
    this.#now = now
  }

  /**
   * @param body a `MessageBody`
   * @throws Duplicate
   */
  async accept(sessionId: string, message: LaneMessage<Payload>, body: unknown): Promise<void> {
    const { payload, ...rest } = message
    if (payload.kind === 'work') return
    const { data, idempotencyKey } = body as MessageBody
    const { preview, reply } = payload
    const row = { ...rest, sessionId, preview, reply, body: data, idempotencyKey }
    const { duplicateOf } = await this.#queue.accept(row)
    if (duplicateOf !== undefined && duplicateOf !== message.id) throw new Duplicate(duplicateOf)
  }

  async claim(sessionId: string, messages: readonly LaneMessage<Payload>[], runId: string): Promise<void> {
    const ids = messages.filter(isStored).map(({ id }) => id)
    if (ids.length > 0) await this.#queue.claim({ sessionId, runId, ids, now: this.#now() })
  }

  async settle(_sessionId: string, ends: readonly LaneEnd<Payload, unknown>[], runId?: string): Promise<void> {
    const stored = ends.filter(({ message }) => isStored(message))
    if (stored.length === 0) return
    const end = { ...this.#record(stored, runId), now: this.#now() }
    try {
      await this.#queue.settle(end)
    } catch (cause) {
      this.#owed.push(end)
      throw cause
    }
  }

  /**
   * Stores ends that could not be stored when they came. Otherwise these messages would count as waiting or running, and run after
   * the next start. Rejects when that fails again. A call in the meantime returns the same promise, so each end is stored once.
   */
  settleOwed(): Promise<void> {
    this.#settling ??= this.#settleOwed().finally(() => {
      this.#settling = undefined
    })
    return this.#settling
  }

  async #settleOwed(): Promise<void> {
    for (let [end] = this.#owed; end !== undefined; [end] = this.#owed) {
      await this.#queue.settle(end)
      this.#owed.shift()
    }
  }

  async recover(): Promise<RecoveredMessage<Payload>[]> {
    const rows = await this.#queue.unended()
    return rows.map(({ id, sessionId, owner, priority, policy, preview, reply, acceptedAt, state, attempts }) => ({
      laneId: sessionId,
      message: { id, owner, priority, policy, payload: { kind: 'message', preview, ...(reply && { reply }) }, acceptedAt },
      state: state as 'queued' | 'running',
      attempts
    }))
  }
}

function isStored({ payload }: LaneMessage<Payload>): boolean {
  return payload.kind === 'message'
}
