import type { GatewayClient } from '../client.ts'
import type { GatewayEvents } from '../methods.ts'
import type { LaneReader } from './lane-reader.ts'
import { contentOf, type MessageContent, type OwnMessage, type OwnMessages } from './own-messages.ts'
import type { WaitingMessage } from './snapshot.ts'
import type { TurnBuilder } from './turn-builder.ts'
import type { TurnList } from './turn-list.ts'

/** Longest preview of a message. A shorter one is the whole message. */
export const PREVIEW = 160
/** Messages of other clients whose beginning is remembered until their run begins. */
const MAX_HEARD = 100
/** Handle of a message of another client. */
const FOREIGN = 'queue:'

export interface WaitingListOptions {
  readonly client: GatewayClient
  readonly sessionId: string
  readonly turns: TurnList
  readonly own: OwnMessages
  readonly lane: LaneReader
}

/** Messages of one session that wait: those in the queue of the gateway, of every sender, and those of this client that did not get there yet. */
export class WaitingList {
  readonly #options: WaitingListOptions
  /** Beginnings of messages of other clients, by message id. */
  readonly #heard = new Map<string, string>()
  #queued: readonly string[] = []
  #list: readonly WaitingMessage[] = []

  constructor(options: WaitingListOptions) {
    this.#options = options
  }

  get some(): boolean {
    return this.view().length > 0
  }

  /** Those in the queue in the order in which they will be taken, then those that did not get there yet. The same array until it changes. */
  view(): readonly WaitingMessage[] {
    const { own, lane, turns } = this.#options
    const left = new Set(own.waiting)
    const queued = lane.messages.flatMap(({ messageId, preview, position }): WaitingMessage[] => {
      const mine = own.byMessageId(messageId)
      if (mine) return left.delete(mine) ? [this.#own(mine)] : []
      if (turns.run(messageId)) return []
      const partial = preview.length >= PREVIEW
      return [{ key: FOREIGN + messageId, state: 'queued', text: preview, partial, own: false, files: [], position }]
    })
    const unqueued = [...left].map((mine) => this.#own(mine)).sort((a, b) => rankOf(a) - rankOf(b))
    const known = new Map(this.#list.map((one) => [one.key, one]))
    const list = [...queued, ...unqueued].map((one) => {
      const before = known.get(one.key)
      return before && isSame(before, one) ? before : one
    })
    const same = list.length === this.#list.length && list.every((one, index) => one === this.#list[index])
    if (!same) this.#list = list
    return this.#list
  }

  /** Remembers a message of another client until its run begins. */
  hear({ messageId, preview }: GatewayEvents['accepted']): void {
    this.#heard.set(messageId, preview)
    const [oldest] = this.#heard.keys()
    if (this.#heard.size > MAX_HEARD && oldest !== undefined) this.#heard.delete(oldest)
  }

  /** Shows the message of another client in the turn of its run. */
  claim(turn: TurnBuilder): void {
    const { runId = '' } = turn
    const preview = this.#heard.get(runId)
    if (preview === undefined || preview === '') return
    this.#heard.delete(runId)
    turn.ask({ kind: 'message', text: preview, files: [], partial: preview.length >= PREVIEW }, 1)
  }

  /** The queue was read. Returns true when a message of another client left it without a run of its own. */
  update(): boolean {
    const { own, lane, turns } = this.#options
    own.queued(new Map(lane.messages.map(({ messageId, position }) => [messageId, position])))
    const foreign = lane.messages.filter(({ messageId }) => !own.byMessageId(messageId))
    for (const { messageId, preview } of foreign) this.#heard.set(messageId, preview)
    const ids = foreign.map(({ messageId }) => messageId)
    const missed = this.#queued.some((messageId) => !ids.includes(messageId) && !turns.run(messageId))
    this.#queued = ids
    return missed
  }

  async takeBack(key: string): Promise<MessageContent | undefined> {
    const { client, own, sessionId } = this.#options
    const mine = own.get(key)
    const messageId = mine ? mine.run.messageId : foreignId(key)
    if (mine && !mine.run.sent) {
      own.hide(mine)
      await mine.run.cancel()
      return contentOf(mine)
    }
    if (messageId === undefined) return undefined
    const text = this.view().find((one) => one.key === key)?.text ?? ''
    if (mine) mine.withdrawn = true
    let cancelled = false
    try {
      cancelled = (await client.call('queue.cancel', { sessionId, messageId })).cancelled
    } finally {
      if (mine && !cancelled) mine.withdrawn = false
    }
    if (!cancelled) return undefined
    if (mine) own.hide(mine)
    return mine ? contentOf(mine) : { text, attachments: [], attachmentIds: [] }
  }

  async edit(key: string, text: string): Promise<boolean> {
    const { client, own, sessionId } = this.#options
    const mine = own.get(key)
    if (mine?.run.edit(text)) {
      own.reword(mine, text)
      return true
    }
    const messageId = mine ? mine.run.messageId : foreignId(key)
    if (messageId === undefined) return false
    const { updated } = await client.call('queue.update', { sessionId, messageId, message: text })
    if (updated && mine) own.reword(mine, text)
    return updated
  }

  #own(mine: OwnMessage): WaitingMessage {
    const { message, run, position } = mine
    const { key, text, files } = message
    return { key, state: this.#stateOf(mine), text, partial: false, own: true, files, position: run.messageId ? position : 0 }
  }

  #stateOf({ run }: OwnMessage): WaitingMessage['state'] {
    if (!run.sent) return 'unsent'
    if (run.messageId !== undefined) return 'queued'
    return this.#options.client.state.name === 'connected' ? 'sent' : 'uncertain'
  }
}

function foreignId(key: string): string | undefined {
  return key.startsWith(FOREIGN) ? key.slice(FOREIGN.length) : undefined
}

/** In the queue, on its way, never tried. */
function rankOf({ state }: WaitingMessage): number {
  return state === 'queued' ? 0 : state === 'unsent' ? 2 : 1
}

function isSame(a: WaitingMessage, b: WaitingMessage): boolean {
  return a.state === b.state && a.text === b.text && a.position === b.position && a.partial === b.partial
}
