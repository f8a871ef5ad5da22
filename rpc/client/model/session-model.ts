import type { GatewayClient } from '../client.ts'
import { Disconnected, RpcError } from '../index.ts'
import { Listeners } from '../listeners.ts'
import type { GatewayEvents, GatewayMethods, RunEvents } from '../methods.ts'
import type { SendOptions } from '../run.ts'
import { Confirmations } from './confirmations.ts'
import { Draft } from './draft.ts'
import { HistoryReader } from './history-reader.ts'
import { LaneReader } from './lane-reader.ts'
import { filesOf, type MessageContent, OwnMessages } from './own-messages.ts'
import { RunFeed } from './run-feed.ts'
import { nextFrame, type Schedule } from './schedule.ts'
import type { SessionSnapshot } from './snapshot.ts'
import type { TurnFile } from './turn.ts'
import { TurnList } from './turn-list.ts'
import { WaitingList } from './waiting-list.ts'

export interface SessionModelOptions {
  /** Runs the update of the listeners soon. Default: with the next frame of a page, elsewhere with the next microtask. */
  readonly schedule?: Schedule
}

export type { MessageContent } from './own-messages.ts'

/**
 * One conversation as a page shows it: turns, what waits, confirmations, the connection. It follows the session while it has a
 * subscriber: reads the history, follows the runs of every sender, and after a break of the connection brings everything up to date.
 * Messages are sent, and go on, without one as well.
 *
 * The snapshot is immutable and shares what did not change with the one before it. Listeners hear of changes once a frame.
 */
export class SessionModel {
  readonly sessionId: string
  /** State before anything is known, for a page that is drawn on a server. */
  readonly initial: SessionSnapshot
  readonly #client: GatewayClient
  readonly #schedule: Schedule
  readonly #listeners: Listeners<[]>
  readonly #turns = new TurnList()
  readonly #feed: RunFeed
  readonly #own: OwnMessages
  readonly #lane: LaneReader
  readonly #history: HistoryReader
  readonly #waiting: WaitingList
  readonly #confirmations: Confirmations
  readonly #draft: Draft
  #context: RunEvents['context_warning'] | undefined
  #error: SessionSnapshot['error']
  #snapshot: SessionSnapshot | undefined
  #last: SessionSnapshot | undefined
  #scheduled = false
  /** Ends the listening to the client; undefined while nothing is followed. */
  #leave: (() => void) | undefined

  constructor(client: GatewayClient, sessionId: string, { schedule = nextFrame }: SessionModelOptions = {}) {
    this.#client = client
    this.sessionId = sessionId
    this.#schedule = schedule
    this.#listeners = new Listeners(client.report)
    const shared = { client, sessionId, turns: this.#turns }
    const onChange = (): void => this.#changed()
    this.#own = new OwnMessages({
      ...shared,
      onChange,
      // A session has no lane to read before its first message.
      onAccepted: (position) => {
        this.#changed()
        if (position > 0 || !this.#lane.view) this.#readLane()
      },
      onSettled: (turn) => {
        // A message that was taken from the queue without a run.
        if (!turn && this.#waiting.some) this.#readLane()
        this.#runChanged(turn?.runId === undefined ? undefined : { runId: turn.runId, ended: true })
      }
    })
    this.#lane = new LaneReader({ client, sessionId, onRead: () => this.#laneRead() })
    this.#history = new HistoryReader(shared)
    this.#waiting = new WaitingList({ ...shared, own: this.#own, lane: this.#lane })
    this.#confirmations = new Confirmations(shared)
    this.#draft = new Draft({ client, sessionId, onChange: () => this.#draftChanged() })
    this.#feed = new RunFeed({
      ...shared,
      onEvent: (event) => {
        this.#own.link(event)
        if (event.event === 'context_warning') this.#context = event.data
      },
      onChange: (run) => this.#runChanged(run),
      onAccepted: (accepted) => this.#overheard(accepted),
      onRefused: (error) => this.#refused(error)
    })
    this.initial = { ...this.#build(), connection: { name: 'stopped' } }
    this.#own.adopt(client.session(sessionId).unsettled())
  }

  /** The session is followed: there is a subscriber. */
  get followed(): boolean {
    return this.#leave !== undefined
  }

  /** Hears of changes of the snapshot. Returns the function that removes the listener; without one the session is not followed. May be passed on as it is. */
  readonly subscribe = (listener: () => void): (() => void) => {
    const remove = this.#listeners.add(listener)
    this.#leave ??= this.#enter()
    return () => {
      remove()
      // A page that draws a part anew unsubscribes and subscribes at once.
      queueMicrotask(() => {
        if (this.#listeners.size > 0) return
        this.#leave?.()
        this.#leave = undefined
      })
    }
  }

  /** The state now. The same object until something changes. May be passed on as it is. */
  readonly getSnapshot = (): SessionSnapshot => {
    this.#snapshot ??= this.#build()
    return this.#snapshot
  }

  /** Sends a message. It waits for a connection, survives breaks of it, and is never started twice. Returns the key of its turn or waiting message. */
  send(text: string, options: Omit<SendOptions, 'signal' | 'idempotencyKey'> = {}): string {
    const { queueMode } = options
    const behind = this.#turns.running !== undefined && queueMode !== 'steer' && queueMode !== 'interrupt'
    const key = this.#own.send(text, options, behind)
    this.#changed()
    return key
  }

  /** Names uploads that will be sent: their messages show them so until the history has them. */
  describeUploads(files: readonly (TurnFile & { readonly id: string })[]): void {
    for (const file of files) this.#own.describe(file.id, file)
  }

  /** Sends a message into the run under way; the agent sees it before its next step. Without one it is answered like any other. */
  steer(text: string, options: Pick<SendOptions, 'attachments' | 'attachmentIds'> = {}): string {
    return this.send(text, { ...options, queueMode: 'steer' })
  }

  /**
   * Stops the run under way, or the message that is on its way to the agent. What waits goes on.
   * @returns false when there was nothing to stop
   * @throws RpcError, Disconnected, TimedOut
   */
  async stop(): Promise<boolean> {
    const turn = this.#turns.running
    const [key = ''] = turn?.sends.keys() ?? []
    const run = this.#own.get(key)?.run
    if (turn && turn.runId === undefined && run) return run.cancel()
    const { sessionId } = this
    if (!turn) return false
    const { state } = turn
    turn.enter('stopping')
    this.#changed()
    try {
      const runId = turn.runId === undefined ? {} : { runId: turn.runId }
      const { cancelled } = await this.#client.call('agent.cancel', { sessionId, ...runId, keepQueue: true })
      if (!cancelled && turn.state === 'stopping') turn.enter(state)
      return cancelled
    } catch (error) {
      if (turn.state === 'stopping') turn.enter(state)
      throw error
    } finally {
      this.#changed()
    }
  }

  /**
   * Stops what runs and takes back everything that waits.
   * @returns false when there was nothing to stop
   * @throws RpcError, Disconnected, TimedOut
   */
  async stopAll(): Promise<boolean> {
    const unsent = this.#own.waiting.filter(({ run }) => !run.sent)
    for (const own of unsent) await this.takeBack(own.message.key)
    if (this.#client.state.name !== 'connected' && unsent.length > 0) return true
    return (await this.#client.session(this.sessionId).cancel()) || unsent.length > 0
  }

  /**
   * Takes a message back that waits, and answers its content for the input field; undefined when the agent has it already.
   * @throws RpcError, Disconnected, TimedOut
   */
  async takeBack(key: string): Promise<MessageContent | undefined> {
    const content = await this.#waiting.takeBack(key)
    this.#changed()
    this.#readLane()
    return content
  }

  /**
   * Changes the text of a message that waits. Returns false when the agent has it already.
   * @throws RpcError, Disconnected, TimedOut
   */
  async edit(key: string, text: string): Promise<boolean> {
    const edited = await this.#waiting.edit(key, text)
    this.#changed()
    this.#readLane()
    return edited
  }

  /**
   * Moves a message that waits into the run under way. Returns the key under which it goes on; undefined when it does not wait any more,
   * or only its beginning is known here.
   * @throws RpcError, Disconnected, TimedOut
   */
  async sendNow(key: string): Promise<string | undefined> {
    const waiting = this.getSnapshot().waiting.find((message) => message.key === key)
    if (waiting?.state !== 'queued' || waiting.partial) return undefined
    const content = await this.takeBack(key)
    return content && this.steer(content.text, filesOf(content))
  }

  /**
   * Changes how the session handles messages that arrive while the agent is busy; null: as the gateway is configured.
   * @throws RpcError, Disconnected, TimedOut
   */
  async configure(queue: GatewayMethods['sessions.configure']['params']['queue']): Promise<void> {
    const { sessionId } = this
    await this.#client.call('sessions.configure', { sessionId, queue })
    this.#readLane()
  }

  /** Sends a failed message again. Returns its key now; undefined when there is nothing to send again. */
  retry(key: string): string | undefined {
    const again = this.#own.retry(key, this.#turns.running !== undefined)
    this.#changed()
    return again
  }

  /**
   * Answers the messages of a turn again, in a run of its own at the end of the conversation.
   * @throws RpcError when the gateway refuses it; Disconnected, TimedOut
   */
  async regenerate(key: string): Promise<void> {
    const runId = this.#turns.all.find((turn) => turn.key === key)?.runId
    if (runId !== undefined) await this.#feed.retry(runId)
  }

  /**
   * Makes a new session with the conversation up to a turn. `before`: without that turn, to send another message in its place.
   * @returns id of the new session; undefined for a turn that the history does not have
   * @throws RpcError, Disconnected, TimedOut
   */
  async fork(key: string, { before = false }: { readonly before?: boolean } = {}): Promise<string | undefined> {
    const ids = (): readonly number[] => this.#turns.all.find((turn) => turn.key === key)?.view().messageIds ?? []
    if (ids().length === 0) await this.#readHistory()
    const messageId = before ? ids()[0] : ids().at(-1)
    if (messageId === undefined) return undefined
    const { sessionId } = this
    return (await this.#client.call('sessions.fork', { sessionId, messageId, inclusive: !before })).sessionId
  }

  /** Removes a message that failed, or whose arrival is uncertain: it is not sent again. Answers its content; undefined when the gateway has it. */
  discard(key: string): MessageContent | undefined {
    return this.#own.discard(key)
  }

  /**
   * Allows or refuses a tool call that waits for a person. `reason`: of a refusal, for the model.
   * @throws RpcError when it does not wait any more; Disconnected, TimedOut
   */
  async confirm(callId: string, approve: boolean, reason?: string): Promise<void> {
    try {
      await this.#confirmations.answer(callId, approve, reason)
    } finally {
      this.#changed()
    }
  }

  /**
   * Loads one page of older turns. Does nothing where there are none, or a page is on its way.
   * @throws RpcError, Disconnected, TimedOut
   */
  async loadOlder(): Promise<void> {
    const reading = this.#history.readOlder()
    this.#changed()
    try {
      await reading
    } finally {
      this.#changed()
    }
  }

  /** Keeps the text of the input field, across reloads where the client has a store. Listeners hear of it at once. */
  setDraft(text: string): void {
    this.#draft.set(text)
  }

  #enter(): () => void {
    const client = this.#client
    const off = [
      client.onState(() => {
        this.#own.connectionChanged()
        this.#changed()
        if (client.state.name === 'refused') this.#refused(new RpcError(client.state))
        if (client.state.name === 'stopped') this.#draft.flush()
      }),
      // Asks for them: they come with the events of the session.
      client.on('reasoning', () => {}),
      // Comes where the client has asked for this kind with `events.subscribe`; elsewhere the end of the call says the same, later.
      client.on('confirm', ({ change, confirmation }) => {
        if (change !== 'closed' || confirmation.sessionId !== this.sessionId) return
        this.#confirmations.closed(confirmation.callId)
        this.#changed()
      }),
      // In a microtask: the subscription goes out before the history is read, so that no message is missed between the two.
      client.onConnected(() => queueMicrotask(() => void this.#sync()))
    ]
    this.#feed.start()
    this.#draft.open()
    this.#adopt()
    return () => {
      for (const remove of off) remove()
      this.#feed.stop()
      this.#confirmations.close()
      this.#draft.close()
    }
  }

  /** Takes over messages from before a reload, and of tabs that are gone, once the store was read. */
  #adopt(): void {
    const { restored } = this.#client
    void restored.then(() => {
      this.#own.adopt(this.#client.session(this.sessionId).unsettled())
      this.#changed()
    })
  }

  /** Brings everything up to date over a new connection. */
  async #sync(): Promise<void> {
    if (!this.#leave) return
    this.#adopt()
    this.#feed.start()
    const confirmations = this.#confirmations.open()
    this.#readLane()
    await this.#readHistory()
    await confirmations.catch(() => {})
    this.#changed()
  }

  async #readHistory(): Promise<void> {
    try {
      await this.#history.readNewest()
      this.#own.linkStored()
      this.#feed.catchUp()
      this.#error = undefined
    } catch (error) {
      this.#refused(error)
    }
    this.#changed()
  }

  #readLane(): void {
    if (this.#leave && this.#client.state.name === 'connected') void this.#lane.read()
  }

  #laneRead(): void {
    const missed = this.#waiting.update()
    this.#changed()
    // A message of another client is part of a run now; the history has its whole text.
    if (missed) void this.#readHistory()
  }

  /** Another client sent a message. */
  #overheard(accepted: GatewayEvents['accepted']): void {
    if (this.#own.byMessageId(accepted.messageId)) return
    this.#waiting.hear(accepted)
    if (accepted.position > 0) this.#readLane()
  }

  #runChanged(run?: { readonly runId: string; readonly ended: boolean }): void {
    this.#changed()
    if (!run || !this.#leave) return
    const turn = this.#turns.run(run.runId)
    if (!turn) return
    if (turn.messages === 0) this.#waiting.claim(turn)
    const partial = turn.parts.some((part) => part.kind === 'message' && part.partial)
    if (run.ended ? !turn.complete || partial || turn.messages === 0 : turn.messages === 0 || partial) void this.#readHistory()
    if (this.#waiting.some) this.#readLane()
  }

  #refused(error: unknown): void {
    if (error instanceof Disconnected || this.#client.state.name === 'stopped') return
    const message = error instanceof Error ? error.message : String(error)
    this.#error = error instanceof RpcError ? { code: error.code, message } : { message }
    this.#changed()
  }

  /** Runs the listeners at once: an input field that is drawn from the snapshot would lose the typed text until the next frame. */
  #draftChanged(): void {
    this.#snapshot = undefined
    this.#listeners.call()
  }

  #changed(): void {
    this.#snapshot = undefined
    if (this.#scheduled || this.#listeners.size === 0) return
    this.#scheduled = true
    this.#schedule(() => {
      this.#scheduled = false
      this.#listeners.call()
    })
  }

  #build(): SessionSnapshot {
    const { loaded, older, loading } = this.#history
    const running = this.#turns.running !== undefined
    const { full } = this.#turns
    const before = this.#last
    const history = { loaded, older, loading, full }
    this.#last = {
      sessionId: this.sessionId,
      connection: this.#client.state,
      turns: this.#turns.view(),
      waiting: this.#waiting.view(),
      confirmations: this.#confirmations.view(),
      canConfirm: this.#confirmations.possible,
      busy: running,
      lane: this.#lane.view,
      context: this.#context,
      history: before && sameHistory(before.history, history) ? before.history : history,
      draft: this.#draft.text,
      error: this.#error
    }
    return this.#last
  }
}

function sameHistory(a: SessionSnapshot['history'], b: SessionSnapshot['history']): boolean {
  return a.loaded === b.loaded && a.older === b.older && a.loading === b.loading && a.full === b.full
}
