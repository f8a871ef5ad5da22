/** @import { Client, EventFrame } from './client.js' */
/** @import { HistoryEntry } from './history.js' */

import { Approvals } from './approvals.js'
import { Disconnected, RpcError, uniqueId } from './client.js'
import { Turn } from './turn.js'
import { Turns } from './turns.js'

/**
 * A message that the gateway has accepted. `preview` is the beginning of its text, `position` the number of messages before it.
 * @typedef {{ messageId: string, position: number, preview: string }} Accepted
 */

const INVALID_REQUEST = -2
const SESSION_NOT_FOUND = 1
const REQUEST_CANCELLED = 4
/** Maximum length of a preview. A shorter one is the whole message. */
const PREVIEW = 160

/**
 * The messages of one session, from this page and from other clients. Sends the messages written here, subscribes to those of
 * others, and follows both until their run ends. After each (re)connect it reads the history and resumes every message whose end is
 * unknown.
 */
export class Conversation {
  #turns
  #approvals
  /** The history is on the screen. Until then new messages wait. */
  #synced = false
  /** Number of the newest read of the history. Results of earlier reads are ignored. */
  #readings = 0
  #closed = false

  /**
   * @param {object} options
   * @param {Client} options.client
   * @param {string} options.id the session's
   * @param {HTMLElement} options.list where the turns go
   * @param {() => number} options.now epoch milliseconds of the gateway's clock
   * @param {() => void} options.onChange something started or ended
   * @param {(who: string, answer: string) => void} options.onAnswer an answer is complete
   * @param {(words: string) => void} options.onAsk a tool waits for an answer
   * @param {(message: string) => void} options.onNotice shows a notice to the user
   * @param {(message: string) => void} options.onReturn puts a message back into the input field
   */
  constructor(options) {
    this.options = options
    const { client, id, list, now, onAsk } = options
    this.#turns = new Turns(list)
    this.#approvals = new Approvals({ client, sessionId: id, now, onAsk: (words) => this.#closed || onAsk(words) })
  }

  /** The agent is at work, or has messages queued. */
  get working() {
    return this.#turns.all.some((turn) => turn.busy)
  }

  get empty() {
    return this.#turns.all.length === 0
  }

  /** @param {string} message */
  submit(message) {
    const turn = this.#turns.add(new Turn(message))
    turn.key = uniqueId()
    if (this.#synced) void this.#send(turn)
    else turn.enter('waiting', undefined, { label: 'Take back', run: () => this.#return(turn) })
    this.options.onChange()
  }

  /** Cancels the run and all queued messages. */
  async stop() {
    for (const turn of this.#turns.all) if (turn.busy) turn.enter('stopping')
    try {
      await this.options.client.request('agent.cancel', { sessionId: this.options.id })
    } catch (error) {
      for (const turn of this.#turns.all) if (turn.state === 'stopping') turn.enter('working')
      this.#tell('It could not be stopped', error)
    }
  }

  /** The connection is gone: from now on messages wait. */
  disconnected() {
    this.#synced = false
  }

  /** Shows the history, resumes unfinished messages, and sends those that waited. To be called on each connect. */
  async sync() {
    const { client, id, onChange } = this.options
    try {
      // The socket keeps this order. Subscribing before reading the history misses no message between the two.
      void client.request('system.hello', { events: ['accepted'] }).catch(() => {})
      const [{ runs }] = await Promise.all([
        client.subscribe('sessions.subscribe', { sessionId: id }, (frame) => this.#overhear(frame)),
        this.#read(),
        this.#approvals.open()
      ])
      if (this.#closed) return
      this.#synced = true
      this.#resumeAll()
      for (const { runId } of runs) this.#see({ runId })
    } catch (error) {
      if (error instanceof Disconnected || this.#closed) return
      this.#tell('This conversation could not be loaded', error)
      this.#synced = true
      this.#resumeAll()
    }
    for (const turn of this.#turns.all) if (turn.state === 'waiting') void this.#send(turn)
    onChange()
    await this.#look()
  }

  /** Leaves the screen to another conversation. The run continues, but is no longer followed. */
  close() {
    this.#closed = true
    this.disconnected()
    this.#approvals.close()
    this.options.client.request('sessions.unsubscribe', { sessionId: this.options.id }).catch(() => {})
  }

  /** Resumes every message that was unfinished when the connection broke. */
  #resumeAll() {
    const lost = this.#turns.all.filter(({ state }) => state === 'lost')
    for (const turn of lost) {
      if (!turn.key || (turn.messageId && !turn.unsure)) void this.#resume(turn)
      else void this.#send(turn)
    }
  }

  /** @param {Turn} turn */
  async #send(turn) {
    turn.enter('sent')
    await this.#follow(turn, 'agent.send', { message: turn.messages[0], idempotencyKey: turn.key })
  }

  /**
   * Resumes a message that the gateway already has.
   * @param {Turn} turn
   */
  async #resume(turn) {
    if (!turn.busy) turn.enter(turn.seq > 0 ? 'working' : 'sent')
    await this.#follow(turn, 'sessions.resume', { runId: turn.messageId ?? turn.runId, afterSeq: turn.seq })
  }

  /**
   * @param {Turn} turn
   * @param {string} method
   * @param {Record<string, unknown>} params
   */
  async #follow(turn, method, params) {
    const { client, id, onChange } = this.options
    turn.followed = true
    try {
      const receive = (/** @type {EventFrame} */ frame) => this.#receive(turn, frame)
      const result = await client.request(method, { sessionId: id, ...params }, receive)
      turn.followed = false
      this.#finish(turn, result)
    } catch (error) {
      turn.followed = false
      if (!turn.into) this.#fail(turn, error)
    }
    if (this.#closed) return
    onChange()
    if (!this.#synced) return
    const shown = turn.into ?? turn
    if (!shown.whole && !shown.busy) void this.#read().catch(() => {})
    if (this.#turns.all.some(({ state }) => state === 'queued')) void this.#look()
  }

  /**
   * @param {Turn} turn
   * @param {EventFrame} frame
   */
  #receive(turn, frame) {
    const { event, data, runId, seq = 1, fromSeq = seq } = frame
    turn.unsure = false
    if (event === 'accepted') this.#accepted(turn, data)
    else if (!this.#turns.joins(turn, runId, fromSeq)) turn.receive(frame, this.#approvals)
  }

  /**
   * @param {Turn} turn
   * @param {any} result
   */
  #finish(turn, { runId, content, queue }) {
    if (!queue) {
      turn.reply(content, turn.messages[0]?.trim().toLowerCase() === '/new')
      return this.#announce('The gateway', content)
    }
    if (this.#turns.joins(turn, runId, Number.POSITIVE_INFINITY)) return void this.options.onChange()
    turn.runId = runId
    turn.messageId ??= queue.messageId
    // The gateway does not replay events older than its retention. The result then has the text, but no tool cards.
    if (content !== turn.answer || queue.collected > turn.messages.length) turn.whole = false
    if (content.startsWith(turn.answer)) turn.write(content.slice(turn.answer.length))
    turn.enter('done')
    this.#announce('The agent', content)
  }

  /**
   * @param {Turn} turn
   * @param {unknown} error
   */
  #fail(turn, error) {
    if (error instanceof Disconnected) {
      const heard = turn.messageId ?? turn.runId
      turn.unsure = heard === undefined
      return turn.enter('lost', heard ? LOST : UNHEARD)
    }
    if (!(error instanceof RpcError)) return turn.enter('failed', String(error))
    const { code, message, data } = error
    const back = turn.key ? { label: 'Take back', run: () => this.#return(turn) } : undefined
    if (data?.firstSeq > turn.seq + 1) {
      turn.seq = data.firstSeq - 1
      turn.whole = false
      turn.remark('Some of this answer is missing here. It will be complete when the agent has finished.')
      void this.#resume(turn)
    } else if (data?.queue?.kept)
      turn.enter('lost', 'The gateway ends now. It keeps this message, and will answer it when it is back')
    else if (data?.queue?.code === 'overflow') turn.enter('failed', 'Dropped: too many messages were waiting', back)
    else if (data?.queue?.code === 'superseded') turn.enter('stopped', 'Not answered: a newer message took its place')
    else if (code === REQUEST_CANCELLED) turn.enter('stopped')
    else if (turn.messageId && (code === INVALID_REQUEST || code === SESSION_NOT_FOUND)) {
      turn.whole = false
      turn.enter('unanswered', 'The gateway no longer knows what became of this message')
    } else turn.enter('failed', message, turn.messageId ? undefined : back)
  }

  /**
   * @param {Turn} turn
   * @param {Accepted} accepted
   */
  #accepted(turn, { messageId, position }) {
    turn.messageId = messageId
    const words = position > 0 ? `Waits, ${position} before it` : undefined
    // Rendering the same note again would take the focus from its button.
    if ((turn.state !== 'sent' && turn.state !== 'queued') || turn.words === words) return
    if (words) turn.enter('queued', words, { label: 'Take back', run: () => void this.#withdraw(turn) })
    else turn.enter('sent')
  }

  /**
   * Handles an event that another client caused in this session. The first one is enough: the page then follows the run as its own.
   * @param {EventFrame} frame
   */
  #overhear({ event, data, runId }) {
    if (this.#closed) return
    if (event === 'accepted') this.#see(data)
    else if (runId) this.#see({ runId })
  }

  /**
   * Shows a queued message or a run in progress, and follows it from now on.
   * @param {Partial<Accepted> & { runId?: string }} seen
   */
  #see({ runId, messageId = runId ?? '', preview, position }) {
    let turn = this.#turns.find(messageId)
    // This may be one of our messages whose `accepted` never arrived.
    if (preview !== undefined) turn ??= this.#turns.unsure((message) => message.slice(0, PREVIEW) === preview)
    if (!turn) {
      turn = this.#turns.add(new Turn(preview))
      turn.whole = preview !== undefined && preview.length < PREVIEW
    }
    if (!turn.followed && turn.state !== 'lost') {
      if (runId) {
        turn.runId = runId
        turn.restart()
        turn.whole = turn.messages.length > 0
      } else turn.messageId = messageId
      void this.#resume(turn)
    }
    if (position !== undefined) this.#accepted(turn, { messageId, position, preview: preview ?? '' })
    this.options.onChange()
  }

  /** Reads the queue: updates the positions of queued messages and shows those of other clients. */
  async #look() {
    try {
      const { messages } = await this.options.client.request('queue.get', { sessionId: this.options.id })
      if (this.#closed) return
      const waiting = new Set(messages.map((/** @type {Accepted} */ { messageId }) => messageId))
      for (const turn of this.#turns.all) if (turn.state === 'queued' && !waiting.has(turn.messageId)) turn.enter('sent')
      // An entry that is not a message has an empty preview.
      for (const message of messages) if (message.preview !== '') this.#see(message)
      this.options.onChange()
    } catch {
      // A session that does not exist yet has no queue. Other failures show at the messages themselves.
    }
  }

  /**
   * Takes back a message that waits on the gateway.
   * @param {Turn} turn
   */
  async #withdraw(turn) {
    try {
      const { cancelled } = await this.options.client.request('queue.cancel', {
        sessionId: this.options.id,
        messageId: turn.messageId
      })
      if (!cancelled) this.options.onNotice('This message cannot be taken back any more: the agent has it.')
      else if (turn.whole) this.#return(turn)
    } catch (error) {
      this.#tell('The message could not be taken back', error)
    }
  }

  /** Reads the history and puts it on the screen. */
  async #read() {
    const reading = ++this.#readings
    const history = await this.#history()
    if (reading === this.#readings && !this.#closed) this.#turns.restore(history)
  }

  /** @returns {Promise<HistoryEntry[]>} */
  async #history() {
    try {
      return (await this.options.client.request('sessions.get', { sessionId: this.options.id })).history
    } catch (error) {
      if (error instanceof RpcError && error.code === SESSION_NOT_FOUND) return []
      throw error
    }
  }

  /**
   * Removes a message that will not be answered from the screen, and puts it back into the input field.
   * @param {Turn} turn
   */
  #return(turn) {
    this.#turns.remove(turn)
    this.options.onReturn(turn.messages.join('\n'))
    this.options.onChange()
  }

  /**
   * @param {string} who
   * @param {string} answer
   */
  #announce(who, answer) {
    if (!this.#closed) this.options.onAnswer(who, answer)
  }

  /**
   * @param {string} what
   * @param {unknown} error
   */
  #tell(what, error) {
    if (!this.#closed) this.options.onNotice(`${what}: ${error instanceof Error ? error.message : error}`)
  }
}

const LOST = 'The connection was lost. The gateway has this message, and goes on without us'
const UNHEARD = 'The connection was lost. This message is sent again when it is back'
