/** @import { Client, EventFrame } from './client.js' */
/** @import { File, ToolCall } from './turn.js' */

import { Disconnected, RpcError } from './client.js'
import { Turn } from './turn.js'

/**
 * One message of a stored conversation.
 * @typedef {{ role: 'user' | 'assistant', content: string, runId: string, status: 'complete' | 'partial' | 'interrupted',
 *   toolCalls?: ToolCall[], attachments?: File[] }} HistoryEntry
 */

const SESSION_NOT_FOUND = 1
const REQUEST_CANCELLED = 4
/** Its end was seen here. */
const ENDED = new Set(['done', 'stopped', 'failed'])
/** Not in the history, and yet nothing to forget. */
const KEPT = new Set(['waiting', 'undelivered', 'stopped', 'failed'])
/** How often the history is read again while a run goes on whose events go to a connection that is gone. */
const FOLLOW_MS = 2000
/** So often without news: ten minutes, the time limit of a run unless configured otherwise. */
const MAX_QUIET_READS = 300

/**
 * The messages of one session, on the screen and on their way. The gateway's history is the truth: after each (re)connect it
 * is read, and what was under way when the connection broke is looked up in it.
 */
export class Conversation {
  /** @type {Turn[]} */
  #turns = []
  /** The history is on the screen: until then messages wait, or they would be on it twice. */
  #synced = false
  /** A run goes on that was not asked for over this connection. */
  #following = false
  /** The history as it was read last, and how often it has been the same since. */
  #news = ''
  #quietReads = 0
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer
  #closed = false

  /**
   * @param {object} options
   * @param {Client} options.client
   * @param {string} options.id the session's
   * @param {HTMLElement} options.list where the turns go
   * @param {() => void} options.onChange something started or ended
   * @param {(answer: string) => void} options.onAnswer an answer is complete
   * @param {(message: string) => void} options.onNotice to be told to the user
   * @param {(message: string) => void} options.onReturn a message goes back to where it was written
   */
  constructor(options) {
    this.options = options
    options.list.replaceChildren()
  }

  /** The agent is at work, or has messages queued. */
  get working() {
    return this.#following || this.#turns.some((turn) => turn.busy)
  }

  get empty() {
    return this.#turns.length === 0
  }

  /** @param {string} message */
  submit(message) {
    const turn = new Turn(message)
    this.#turns.push(turn)
    this.options.list.append(turn.element)
    if (this.#synced) void this.#send(turn)
    else turn.enter('waiting', undefined, this.#return(turn))
    this.options.onChange()
  }

  /** Cancels what runs and what is queued. */
  async stop() {
    for (const turn of this.#turns) if (turn.busy) turn.enter('stopping')
    try {
      await this.options.client.request('agent.cancel', { sessionId: this.options.id })
      if (this.#following && !this.#turns.some((turn) => turn.busy)) await this.sync()
    } catch (error) {
      for (const turn of this.#turns) if (turn.state === 'stopping') turn.enter('working')
      this.#tell('It could not be stopped', error)
    }
  }

  /** The connection is gone: from now on messages wait. */
  disconnected() {
    this.#synced = false
    this.#following = false
    clearTimeout(this.#timer)
  }

  /** Reads the history and shows it; then sends what waited. To be called on each connect. */
  async sync() {
    this.disconnected()
    try {
      const history = await this.#history()
      this.#following = this.#isOpen(history) && (await this.#isLive())
      if (this.#closed) return
      const news = JSON.stringify([history, this.#following])
      this.#quietReads = news === this.#news ? this.#quietReads + 1 : 0
      this.#news = news
      if (this.#quietReads > MAX_QUIET_READS) this.#following = false
      this.#restore(history, this.#following)
    } catch (error) {
      if (error instanceof Disconnected || this.#closed) return
      this.#tell('The earlier messages could not be loaded', error)
    }
    this.#synced = true
    // Read again in a while, for the events of this run go elsewhere; not while one of our own runs, or it would be here twice.
    if (this.#following) this.#timer = setTimeout(() => void this.sync(), FOLLOW_MS)
    for (const turn of this.#turns) if (turn.state === 'waiting') void this.#send(turn)
    this.options.onChange()
  }

  /** Leaves the screen to another conversation. What runs goes on, unheard. */
  close() {
    this.#closed = true
    this.disconnected()
  }

  /** @param {Turn} turn */
  async #send(turn) {
    const { client, id, onAnswer, onChange, onNotice } = this.options
    clearTimeout(this.#timer)
    turn.enter(this.working ? 'queued' : 'sent')
    /** @param {EventFrame} frame */
    const receive = (frame) => {
      if (frame.event === 'context_warning' && !this.#closed) onNotice(frame.data.message)
      else turn.receive(frame)
    }
    try {
      const { runId, content } = await client.request('agent.send', { sessionId: id, message: turn.message }, receive)
      turn.runId = runId
      if (turn.answer === '' && content) turn.write(content)
      turn.enter('done')
      if (!this.#closed) onAnswer(turn.answer)
    } catch (error) {
      if (error instanceof Disconnected) turn.enter('lost')
      else if (error instanceof RpcError && error.code === REQUEST_CANCELLED) turn.enter('stopped')
      else turn.enter('failed', error instanceof Error ? error.message : String(error))
    }
    this.#turns.find(({ state }) => state === 'queued')?.enter('sent')
    // What it was queued behind has ended too.
    if (this.#following && !this.#turns.some(({ busy }) => busy)) void this.sync()
    onChange()
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
   * Whether something may be under way that ends before nobody's eyes here.
   * @param {HistoryEntry[]} history
   */
  #isOpen(history) {
    const seen = this.#turns.some((turn) => turn.runId === history.at(-1)?.runId && ENDED.has(turn.state))
    return this.#turns.some((turn) => turn.state === 'lost') || !(seen || isSettled(history))
  }

  /** Whether anything may still be running or queued: a session without work and without a connection is not in this list. */
  async #isLive() {
    const [frontend] = this.options.id.split(':')
    const { sessions } = await this.options.client.request('sessions.list', { includePersisted: false, frontend, limit: 500 })
    return sessions.some((/** @type {{ id: string }} */ session) => session.id === this.options.id)
  }

  /**
   * Merges what is on the screen with the history. A turn that ended before our eyes stays as it is: it knows its error and
   * has its files, the history has neither.
   * @param {HistoryEntry[]} history
   * @param {boolean} live
   */
  #restore(history, live) {
    const known = new Map(this.#turns.map((turn) => [turn.runId, turn]))
    const stored = turnsOf(history, live).map((turn) => {
      const ours = known.get(turn.runId)
      return ours && ENDED.has(ours.state) ? ours : turn
    })
    // A lost message has arrived when its run is in the history, or one that was never seen here begins with it.
    const arrived = new Set()
    const missing = this.#turns.filter((turn) => {
      if (turn.state !== 'lost') return KEPT.has(turn.state) && !stored.includes(turn)
      const match = stored.find(
        ({ runId, message }) =>
          !arrived.has(runId) && (turn.runId ? runId === turn.runId : !known.has(runId) && message === turn.message)
      )
      if (match) return void arrived.add(match.runId)
      if (live) turn.enter('lost', 'The connection was lost; this message may still be queued')
      else turn.enter('undelivered', undefined, this.#return(turn))
      return true
    })
    this.#turns = [...stored, ...missing]
    this.options.list.replaceChildren(...this.#turns.map((turn) => turn.element))
  }

  /**
   * What can be done with a message that was never sent.
   * @param {Turn} turn
   */
  #return(turn) {
    const run = () => {
      this.#turns = this.#turns.filter((other) => other !== turn)
      turn.element.remove()
      this.options.onReturn(turn.message ?? '')
      this.options.onChange()
    }
    return { label: 'Take back', run }
  }

  /**
   * @param {string} what
   * @param {unknown} error
   */
  #tell(what, error) {
    if (!this.#closed) this.options.onNotice(`${what}: ${error instanceof Error ? error.message : error}`)
  }
}

/**
 * Whether the last run of a history has come to its end. Rows of runs that failed or were stopped say so no more than those
 * of runs that go on.
 * @param {HistoryEntry[]} history
 */
function isSettled(history) {
  const last = history.at(-1)
  return !last || (last.role === 'assistant' && last.status !== 'partial' && !last.toolCalls?.length)
}

/**
 * The messages of a history, each with all that its run has answered.
 * @param {HistoryEntry[]} history
 * @param {boolean} live whether the last run may still be going on
 */
function turnsOf(history, live) {
  /** @type {Map<string, { turn: Turn, last: HistoryEntry }>} */
  const runs = new Map()
  for (const entry of history) {
    const { role, content, runId, attachments = [], toolCalls = [] } = entry
    const turn = runs.get(runId)?.turn ?? new Turn(role === 'user' ? content : undefined)
    turn.runId = runId
    runs.set(runId, { turn, last: entry })
    if (role === 'assistant') turn.write(turn.answer === '' ? content : `\n\n${content}`)
    for (const file of attachments) turn.attach(file)
    for (const call of toolCalls) turn.call(call)
  }
  const turns = [...runs.values()]
  for (const { turn, last } of turns) {
    const isLast = last === history.at(-1)
    if (last.status === 'interrupted') turn.enter('unanswered', 'Interrupted: the gateway ended while the agent was working')
    else if (isSettled([last])) turn.enter('done')
    else if (isLast && live) turn.enter('followed')
    else turn.enter('unanswered')
  }
  return turns.map(({ turn }) => turn)
}
