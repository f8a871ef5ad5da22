import type { Db, QueueEnd, RunEnd, StoredReply } from '../../db/client.ts'
import type { LaneDriver, LaneEnd, Recovered } from '../../lanes/driver.ts'
import type { LaneMessage } from '../../lanes/message.ts'
import type { Turn } from '../../lanes/turn.ts'

/** What a lane keeps in memory of what waits in it. */
export type Payload =
  /** Stored: it outlives the process. `preview` is the beginning of its text, `reply` where its answer goes beside whoever waits for it. */
  | {
      readonly kind: 'message'
      readonly preview: string
      readonly reply?: StoredReply | undefined
      /** Calls something in the async context of whoever sent it. Not stored: after a restart there is nobody. */
      within?<R>(run: () => R): R
    }
  /** Not stored: it ends with the process, and so does whoever asked for it. */
  | { readonly kind: 'work'; run(turn: Turn<Payload>): unknown }

/** What only the database keeps of a message, until it has ended. */
export interface MessageBody {
  /** Any JSON. */
  readonly data: unknown
  /** A second message of the session with the same key is a `Duplicate`. */
  readonly idempotencyKey?: string | undefined
}

/** How ends are stored, and that of their run where they had one. */
type Recorder = (
  ends: readonly LaneEnd<Payload, unknown>[],
  runId: string | undefined
) => { readonly ends: readonly QueueEnd[]; readonly run?: RunEnd | undefined }

/** The message was sent before, and nothing was stored. */
export class Duplicate extends Error {
  override readonly name = 'Duplicate'
  /** The id that it has. */
  readonly of: string

  constructor(of: string) {
    super(`This message was sent before, as ${of}`)
    this.of = of
  }
}

/** Keeps the messages of the lanes in the database: a lane's id is the id of its session, a turn's the id of its run. */
export class StoredMessages implements LaneDriver<Payload, unknown> {
  readonly #queue: Db['queue']
  readonly #record: Recorder
  readonly #now: () => number
  readonly #owed: Parameters<Db['queue']['settle']>[0][] = []
  /** Set while what is owed is being stored. */
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
   * Stores ends that could not be stored when they came: without them these messages would count as waiting or running, and run after
   * the next start. Rejects where that fails again. Called again meanwhile it answers the same promise: each is stored by one of them.
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

  async recover(): Promise<Recovered<Payload>[]> {
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
