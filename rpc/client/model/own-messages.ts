import type { GatewayClient } from '../client.ts'
import type { RunEvent } from '../events.ts'
import { Disconnected, RpcError } from '../index.ts'
import type { Run, RunResult, SendOptions } from '../run.ts'
import type { MessagePart, TurnError, TurnState } from './turn.ts'
import type { TurnBuilder } from './turn-builder.ts'
import type { TurnList } from './turn-list.ts'

const INVALID_REQUEST = -2
const SESSION_NOT_FOUND = 1
const CANCELLED = 4
/** Failed messages that can be sent again. The oldest are forgotten. */
const MAX_FAILED = 100
/** Uploads whose name and type are known. The oldest are forgotten. */
const MAX_UPLOADS = 100

/** Content of a message, to put it back into an input field or to send it again. */
export interface MessageContent {
  readonly text: string
  readonly attachments: NonNullable<SendOptions['attachments']>
  /** Uploaded files: an upload can be sent for an hour. */
  readonly attachmentIds: NonNullable<SendOptions['attachmentIds']>
}

/** A message of this client without an outcome. */
export interface OwnMessage {
  readonly run: Run
  message: MessagePart & { readonly key: string }
  /** Number of messages and runs ahead of it, as the gateway said last. */
  position: number
  /** The agent was busy when it was sent: it is shown as waiting until the gateway says otherwise. */
  behind: boolean
  /** It is being taken back: its cancellation is no outcome to show. */
  withdrawn: boolean
  readonly abort: AbortController | undefined
}

interface Failed extends MessageContent {
  /** The same key is safe, and needed, where the gateway may have the message. */
  readonly idempotencyKey: string | undefined
}

export interface OwnMessagesOptions {
  readonly client: GatewayClient
  readonly sessionId: string
  readonly turns: TurnList
  readonly onChange: () => void
  /** The gateway has a message, which may wait. */
  readonly onAccepted: (position: number) => void
  /** An outcome is known. `turn`: it is not complete here. */
  readonly onSettled: (turn: TurnBuilder | undefined) => void
}

/** The messages of this client in one session: each is in the list of those that wait, or in a turn, never in both. */
export class OwnMessages {
  readonly #options: OwnMessagesOptions
  /** Without an outcome, in the order in which they were sent. */
  readonly #pending = new Map<string, OwnMessage>()
  /** Not yet part of a run. */
  readonly #unlinked = new Set<OwnMessage>()
  readonly #failed = new Map<string, Failed>()
  /** Uploads by their id. */
  readonly #uploads = new Map<string, MessagePart['files'][number]>()

  constructor(options: OwnMessagesOptions) {
    this.#options = options
  }

  /** Those that wait, in the order in which they were sent. */
  get waiting(): OwnMessage[] {
    return [...this.#unlinked].filter((own) => this.#waits(own))
  }

  get(key: string): OwnMessage | undefined {
    return this.#pending.get(key)
  }

  byMessageId(messageId: string): OwnMessage | undefined {
    for (const own of this.#pending.values()) if (own.run.messageId === messageId) return own
    return undefined
  }

  send(text: string, options: Omit<SendOptions, 'signal'>, behind: boolean): string {
    const { client, sessionId } = this.#options
    const abort = new AbortController()
    const run = client.session(sessionId).send(text, { ...options, signal: abort.signal })
    this.#add(run, abort, behind)
    return run.id
  }

  /** Remembers name, type and size of an upload, which its id does not tell. */
  describe(id: string, upload: MessagePart['files'][number]): void {
    this.#uploads.set(id, upload)
    const [oldest] = this.#uploads.keys()
    if (this.#uploads.size > MAX_UPLOADS && oldest !== undefined) this.#uploads.delete(oldest)
  }

  /** Takes over messages that were sent without the model, or before a reload. */
  adopt(runs: readonly Run[]): void {
    for (const run of runs) {
      if (this.#pending.has(run.id)) continue
      // It was given up, and goes on.
      if (this.#failed.has(run.id)) this.#options.turns.remove(run.id)
      this.#add(run, undefined, false)
    }
  }

  /** Moves messages into the turn of this event's run, before the event becomes part of it. */
  link({ runId }: RunEvent): void {
    for (const own of this.#unlinked) {
      const { run, message } = own
      if (run.runId === runId || run.messageId === runId) this.#link(own, message, runId)
    }
  }

  /** Moves messages into turns that came from the history. */
  linkStored(): void {
    for (const own of this.#unlinked) {
      const runId = [own.run.runId, own.run.messageId].find((id) => id !== undefined && this.#options.turns.run(id))
      if (runId !== undefined) this.#link(own, own.message, runId)
    }
  }

  /** The connection came or went. */
  connectionChanged(): void {
    for (const own of this.#unlinked) this.#place(own)
  }

  /** The queue was read: messages that it does not have are on their way to the agent. */
  queued(positions: ReadonlyMap<string, number>): void {
    for (const own of this.#unlinked) {
      const { messageId } = own.run
      if (messageId === undefined) continue
      own.position = positions.get(messageId) ?? 0
      own.behind = false
      this.#place(own)
    }
  }

  /** The text of a message that waits was changed on the gateway. */
  reword(own: OwnMessage, text: string): void {
    const before = own.message
    own.message = { ...before, text }
    this.#options.turns.send(before.key)?.reword(before, own.message)
    this.#options.onChange()
  }

  /** A failed message again. Returns its new key; undefined when there is nothing to send. */
  retry(key: string, behind: boolean): string | undefined {
    const failed = this.#failed.get(key)
    if (!failed) return undefined
    this.#failed.delete(key)
    this.#options.turns.remove(key)
    const { idempotencyKey } = failed
    return this.send(failed.text, { ...filesOf(failed), ...(idempotencyKey !== undefined && { idempotencyKey }) }, behind)
  }

  /** Removes a message that failed, or that the gateway has not confirmed. It is not sent again. Returns its content; undefined for any other. */
  discard(key: string): MessageContent | undefined {
    const { client, sessionId, turns, onChange } = this.#options
    const own = this.#pending.get(key)
    // The gateway has it: it is taken back or stopped.
    if (own && (own.run.messageId !== undefined || own.run.runId !== undefined)) return undefined
    const content = own ? contentOf(own) : this.#failed.get(key)
    if (!content) return undefined
    this.#failed.delete(key)
    client.session(sessionId).discard(key)
    if (own) {
      this.hide(own)
      if (own.abort) own.abort.abort()
      else void own.run.cancel().catch(() => {})
    } else turns.remove(key)
    onChange()
    return content
  }

  /** Removes a message that was taken back. */
  hide(own: OwnMessage): void {
    own.withdrawn = true
    this.#unlinked.delete(own)
    this.#options.turns.remove(own.message.key)
  }

  #add(run: Run, abort: AbortController | undefined, behind: boolean): void {
    const sent = run.attachments.map((file) => ({ ...file, bytes: Math.floor(file.data.length * 0.75) }))
    const unknown = { mimeType: 'application/octet-stream', bytes: 0 }
    const uploaded = run.attachmentIds.map((id) => ({ ...(this.#uploads.get(id) ?? unknown), id }))
    const files = [...sent, ...uploaded]
    const own: OwnMessage = {
      run,
      message: { kind: 'message', text: run.message, files: files as MessagePart['files'], key: run.id, partial: false },
      position: 0,
      behind,
      withdrawn: false,
      abort
    }
    this.#failed.delete(run.id)
    this.#pending.set(run.id, own)
    this.#unlinked.add(own)
    this.#place(own)
    run.accepted.then(({ position }) => this.#accepted(run.id, position)).catch(() => {})
    run.then(
      (result) => this.#succeeded(run.id, result),
      (error: unknown) => this.#rejected(run.id, error)
    )
  }

  #waits({ run, position, behind }: OwnMessage): boolean {
    if (run.settled || run.runId !== undefined) return false
    return !run.sent || position > 0 || (behind && run.messageId === undefined)
  }

  /** Shows the message where it belongs now. */
  #place(own: OwnMessage): void {
    const { client, turns, onChange } = this.#options
    const { run, message } = own
    if (run.settled || own.withdrawn) return
    if (this.#waits(own)) turns.remove(message.key)
    else {
      const turn = turns.add(message, 'sent')
      const uncertain = client.state.name !== 'connected' && run.messageId === undefined && run.runId === undefined
      if (turn.seq === 0 && turn.open) turn.enter(uncertain ? 'uncertain' : 'sent')
    }
    onChange()
  }

  #link(own: OwnMessage, message: OwnMessage['message'], runId: string): TurnBuilder {
    this.#unlinked.delete(own)
    return this.#options.turns.link(message, runId, own.run.joinedAt)
  }

  #accepted(key: string, position: number): void {
    const own = this.#pending.get(key)
    if (!own || own.run.settled) return
    own.position = position
    own.behind = false
    if (this.#unlinked.has(own)) this.#place(own)
    this.#options.onAccepted(position)
  }

  #take(key: string): OwnMessage | undefined {
    const own = this.#pending.get(key)
    this.#pending.delete(key)
    if (own) this.#unlinked.delete(own)
    return own
  }

  #succeeded(key: string, { runId, content, usage, stopReason, queue }: RunResult): void {
    const { turns, onSettled } = this.#options
    const own = this.#take(key)
    if (!own) return
    const { message } = own
    if (!queue) {
      turns.add(message, 'sent').reply(content, message.text.trim().toLowerCase() === '/new')
      onSettled(undefined)
      return
    }
    const turn = this.#link(own, message, runId)
    turn.note(usage, stopReason)
    if ((queue.collected ?? 0) > turn.messages) turn.lose()
    this.#conclude(turn, () => turn.finish(content))
  }

  /** Events that came before the outcome are still on their way to the turn: they are waited for. */
  #conclude(turn: TurnBuilder, end: () => void): void {
    const { onSettled } = this.#options
    const check = (): void => {
      if (!turn.ended) {
        turn.lose()
        end()
      }
      onSettled(turn.complete ? undefined : turn)
    }
    if (turn.ended) check()
    else setTimeout(check)
  }

  #rejected(key: string, error: unknown): void {
    const { client, turns, onChange } = this.#options
    const own = this.#take(key)
    if (!own || own.withdrawn) return
    const { run, message } = own
    const linked = turns.send(key)
    if (linked?.runId !== undefined) {
      // The run goes on, and is followed again with the next connection.
      if (error instanceof RpcError && client.state.name !== 'refused') {
        const [state, reason] = outcomeOf(error, run.messageId !== undefined)
        this.#conclude(linked, () => linked.enter(state, reason))
      } else onChange()
      return
    }
    const turn = turns.add(message, 'sent')
    const given = error instanceof Disconnected || client.state.name === 'refused'
    const [state, reason] = given ? offline(error, run) : outcomeOf(error, run.messageId !== undefined)
    turn.ended = true
    turn.enter(state, reason)
    if (given || run.messageId === undefined || reason?.cause === 'overflow') {
      this.#failed.set(key, { ...contentOf(own), idempotencyKey: given ? key : undefined })
      const [oldest] = this.#failed.keys()
      if (this.#failed.size > MAX_FAILED && oldest !== undefined) this.#failed.delete(oldest)
    }
    this.#options.onSettled(undefined)
  }
}

export function contentOf({ run, message }: OwnMessage): MessageContent {
  return { text: message.text, attachments: run.attachments, attachmentIds: run.attachmentIds }
}

/** The files of a message, to send them again. */
export function filesOf({ attachments, attachmentIds }: MessageContent): Pick<SendOptions, 'attachments' | 'attachmentIds'> {
  return { ...(attachments.length > 0 && { attachments }), ...(attachmentIds.length > 0 && { attachmentIds }) }
}

function offline(error: unknown, { sent }: Run): [TurnState, TurnError] {
  const message = error instanceof Error ? error.message : String(error)
  const code = error instanceof RpcError ? { code: error.code } : {}
  return [sent ? 'unanswered' : 'failed', { ...code, message, cause: 'offline' }]
}

/** Outcome of a message that the gateway refused or ended. */
function outcomeOf(error: unknown, known: boolean): [TurnState, TurnError | undefined] {
  if (!(error instanceof RpcError)) return ['failed', { message: error instanceof Error ? error.message : String(error) }]
  const { code, message, data } = error
  const { code: cause } = (data.queue ?? {}) as { code?: TurnError['cause'] }
  const reason = { code, message, ...(cause && { cause }) }
  if (cause === 'superseded' || code === CANCELLED) return ['stopped', reason]
  if (known && (code === INVALID_REQUEST || code === SESSION_NOT_FOUND)) return ['unanswered', reason]
  return ['failed', reason]
}
