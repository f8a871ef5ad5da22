/** @import { Client, EventFrame } from './client.js' */
/** @import { File, ToolCall } from './turn.js' */

import { Disconnected, RpcError, uniqueId } from './client.js'
import { Turn } from './turn.js'

/**
 * One message of a stored conversation.
 * @typedef {{ role: 'user' | 'assistant', content: string, runId: string, status: 'complete' | 'partial' | 'interrupted',
 *   toolCalls?: ToolCall[], attachments?: File[] }} HistoryEntry
 */

/**
 * What the gateway says of a message that it has taken. `preview` is how its text begins, `position` how many come before it.
 * @typedef {{ messageId: string, position: number, preview: string }} Accepted
 */

const INVALID_REQUEST = -2
const SESSION_NOT_FOUND = 1
const REQUEST_CANCELLED = 4
/** A preview that is shorter is the whole message. */
const PREVIEW = 160

/**
 * The messages of one session, on the screen and on their way, whoever sent them: what is written here is sent, what others send is
 * heard of, and both are followed to their end. After each (re)connect the history is read, and every message whose end is not known
 * is gone on with where it was.
 */
export class Conversation {
  /** @type {Turn[]} */
  #turns = []
  /** The history is on the screen: until then messages wait. */
  #synced = false
  /** Counts readings of the history: only the newest one counts. */
  #readings = 0
  #closed = false

  /**
   * @param {object} options
   * @param {Client} options.client
   * @param {string} options.id the session's
   * @param {HTMLElement} options.list where the turns go
   * @param {() => void} options.onChange something started or ended
   * @param {(who: string, answer: string) => void} options.onAnswer an answer is complete
   * @param {(message: string) => void} options.onNotice to be told to the user
   * @param {(message: string) => void} options.onReturn a message goes back to where it was written
   */
  constructor(options) {
    this.options = options
    options.list.replaceChildren()
  }

  /** The agent is at work, or has messages queued. */
  get working() {
    return this.#turns.some((turn) => turn.busy)
  }

  get empty() {
    return this.#turns.length === 0
  }

  /** @param {string} message */
  submit(message) {
    const turn = this.#add(new Turn(message))
    turn.key = uniqueId()
    if (this.#synced) void this.#send(turn)
    else turn.enter('waiting', undefined, { label: 'Take back', run: () => this.#return(turn) })
    this.options.onChange()
  }

  /** Cancels what runs and what is queued. */
  async stop() {
    for (const turn of this.#turns) if (turn.busy) turn.enter('stopping')
    try {
      await this.options.client.request('agent.cancel', { sessionId: this.options.id })
    } catch (error) {
      for (const turn of this.#turns) if (turn.state === 'stopping') turn.enter('working')
      this.#tell('It could not be stopped', error)
    }
  }

  /** The connection is gone: from now on messages wait. */
  disconnected() {
    this.#synced = false
  }

  /** Shows the history, goes on with what was under way, and sends what waited. To be called on each connect. */
  async sync() {
    const { client, id, onChange } = this.options
    try {
      // One after the other on the socket: what the history does not have yet is heard of.
      void client.request('system.hello', { events: ['accepted'] }).catch(() => {})
      const [{ runs }] = await Promise.all([
        client.subscribe('sessions.subscribe', { sessionId: id }, (frame) => this.#overhear(frame)),
        this.#read()
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
    for (const turn of this.#turns) if (turn.state === 'waiting') void this.#send(turn)
    onChange()
    await this.#look()
  }

  /** Leaves the screen to another conversation. What runs goes on, unheard. */
  close() {
    this.#closed = true
    this.disconnected()
    this.options.client.request('sessions.unsubscribe', { sessionId: this.options.id }).catch(() => {})
  }

  /** Goes on with everything that was under way when the connection broke. */
  #resumeAll() {
    const lost = this.#turns.filter(({ state }) => state === 'lost')
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
   * Goes on with what the gateway has already.
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
    if (this.#turns.some(({ state }) => state === 'queued')) void this.#look()
  }

  /**
   * @param {Turn} turn
   * @param {EventFrame} frame
   */
  #receive(turn, frame) {
    const { event, data, runId, seq = 1, fromSeq = seq } = frame
    turn.unsure = false
    if (event === 'accepted') this.#accepted(turn, data)
    else if (event === 'context_warning') {
      if (!this.#closed) this.options.onNotice(data.message)
    } else if (!this.#joins(turn, runId, fromSeq)) turn.receive(frame)
  }

  /**
   * Whether the run of a message is on the screen already: then that is where the message belongs, and from now on its requester is told
   * nothing new.
   * @param {Turn} turn
   * @param {string | undefined} runId
   * @param {number} seq the first event it was told
   */
  #joins(turn, runId, seq) {
    if (turn.into) return true
    const other = runId === undefined || turn.runId === runId ? undefined : this.#find(runId)
    if (!other || other === turn) return false
    turn.into = other
    other.whole &&= turn.whole
    for (const message of turn.messages) {
      // One that the history brought may have it.
      if (other.followed || !other.messages.includes(message)) other.join(message, seq)
    }
    this.#remove(turn)
    return true
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
    if (this.#joins(turn, runId, Number.POSITIVE_INFINITY)) return void this.options.onChange()
    turn.runId = runId
    turn.messageId ??= queue.messageId
    // Events that came too long ago are not told again: the text is there, but no tool cards.
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
    // Written again, its button would lose the focus.
    if ((turn.state !== 'sent' && turn.state !== 'queued') || turn.words === words) return
    if (words) turn.enter('queued', words, { label: 'Take back', run: () => void this.#withdraw(turn) })
    else turn.enter('sent')
  }

  /**
   * What others do in this session: the beginning is enough, then it is followed like what was asked here.
   * @param {EventFrame} frame
   */
  #overhear({ event, data, runId }) {
    if (this.#closed) return
    if (event === 'accepted') this.#see(data)
    else if (runId) this.#see({ runId })
  }

  /**
   * A message that waits, or a run under way, is on the screen and followed from now on.
   * @param {Partial<Accepted> & { runId?: string }} seen
   */
  #see({ runId, messageId = runId ?? '', preview, position }) {
    let turn = this.#find(messageId)
    // One of ours, of which we never heard that it arrived.
    if (preview !== undefined)
      turn ??= this.#turns.find(({ unsure, messages: [message] }) => unsure && message?.slice(0, PREVIEW) === preview)
    if (!turn) {
      turn = this.#add(new Turn(preview))
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

  /** Looks at what waits: how many are before it, and what others have sent. */
  async #look() {
    try {
      const { messages } = await this.options.client.request('queue.get', { sessionId: this.options.id })
      if (this.#closed) return
      const waiting = new Set(messages.map((/** @type {Accepted} */ { messageId }) => messageId))
      for (const turn of this.#turns) if (turn.state === 'queued' && !waiting.has(turn.messageId)) turn.enter('sent')
      // A preview is empty for what is no message.
      for (const message of messages) if (message.preview !== '') this.#see(message)
      this.options.onChange()
    } catch {
      // A session that does not exist yet has no queue; whatever else it is, the messages tell themselves.
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
    if (reading === this.#readings && !this.#closed) this.#restore(history)
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
   * Merges what is on the screen with the history. A turn whose end is open, and one that is here as a whole, stays as it is: it knows
   * its error and has its files, the history has neither. What is only here stays after what it came after, or comes last.
   * @param {HistoryEntry[]} history
   */
  #restore(history) {
    /** @type {Map<Turn, Turn>} */
    const replaced = new Map()
    const turns = turnsOf(history).map((stored) => {
      const ours =
        this.#find(stored.runId) ??
        this.#turns.find(({ unsure, messages: [message] }) => unsure && message === stored.messages[0])
      if (!ours) return stored
      const isOpen = !ours.ended && ours.state !== 'unanswered'
      if (ours.unsure) {
        ours.runId = stored.runId
        ours.whole = false
      }
      if (isOpen && ours.messages.length === 0) {
        for (const message of stored.messages) ours.ask(message)
        ours.whole = stored.messages.length > 0
      }
      if (isOpen || ours.whole) return ours
      stored.messageId = ours.messageId
      if (ours.ended) stored.enter(ours.state, ours.words)
      replaced.set(ours, stored)
      return stored
    })
    for (const [index, turn] of this.#turns.entries()) {
      if (turns.includes(turn) || replaced.has(turn)) continue
      const before = this.#turns[index - 1]
      const place = before ? turns.indexOf(replaced.get(before) ?? before) + 1 : 0
      turns.splice(turn.busy || turn.state === 'waiting' ? turns.length : place, 0, turn)
    }
    this.#turns = turns
    const { list } = this.options
    // Only where it is needed: what is moved loses the focus.
    if (turns.some((turn, index) => turn.element !== list.children[index]))
      list.replaceChildren(...turns.map(({ element }) => element))
  }

  /** @param {string | undefined} id of a message or a run */
  #find(id) {
    return this.#turns.find((turn) => id !== undefined && (turn.runId === id || turn.messageId === id))
  }

  /** @param {Turn} turn */
  #add(turn) {
    this.#turns.push(turn)
    this.options.list.append(turn.element)
    return turn
  }

  /** @param {Turn} turn */
  #remove(turn) {
    this.#turns = this.#turns.filter((other) => other !== turn)
    turn.element.remove()
  }

  /**
   * A message that nobody answers goes back to where it was written.
   * @param {Turn} turn
   */
  #return(turn) {
    this.#remove(turn)
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

/**
 * Whether the last row of a run is an end. Rows of runs that failed or were stopped say so no more than those of runs that go on.
 * @param {HistoryEntry} entry
 */
function isSettled({ role, status, toolCalls }) {
  return role === 'assistant' && status === 'complete' && !toolCalls?.length
}

/**
 * The runs of a history, each with the messages it is about and all that it has answered.
 * @param {HistoryEntry[]} history
 */
function turnsOf(history) {
  /** @type {Map<string, { turn: Turn, last: HistoryEntry }>} */
  const runs = new Map()
  for (const entry of history) {
    const { role, content, runId, attachments = [], toolCalls = [] } = entry
    const known = runs.get(runId)
    const turn = known?.turn ?? new Turn()
    turn.runId = runId
    if (role === 'assistant') turn.write(turn.answer === '' ? content : `\n\n${content}`)
    // What was steered into a run is in the middle of it.
    else if (known?.last.role === 'assistant') turn.join(content, Number.POSITIVE_INFINITY)
    else turn.ask(content)
    runs.set(runId, { turn, last: entry })
    for (const file of attachments) turn.attach(file)
    for (const call of toolCalls) turn.call(call)
  }
  const turns = [...runs.values()]
  for (const { turn, last } of turns) {
    turn.whole = isSettled(last)
    if (turn.whole) turn.enter('done')
    else if (last.status === 'interrupted') turn.enter('unanswered', 'Interrupted: the gateway ended while the agent was working')
    else turn.enter('unanswered')
  }
  return turns.map(({ turn }) => turn)
}
