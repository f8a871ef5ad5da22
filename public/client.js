/**
 * A client of the gateway's protocol over the browser's WebSocket: requests, answers, events, and a connection that comes
 * back by itself. It never sends a request twice: whether one that was under way when the socket broke had any effect, only
 * the gateway knows, and whoever asked has to ask again in a way that is safe.
 */

/**
 * What the gateway says of itself.
 * @typedef {{ version: string, uptime: number, connections: number, model?: { provider: string, model: string, offline: boolean } }} Info
 */

/**
 * One event of a request. `seq` counts the events of a run; where several came as one, `fromSeq` is the number of the first.
 * @typedef {{ id: number, event: string, data: any, runId?: string, seq?: number, fromSeq?: number }} EventFrame
 */

/**
 * Whether a socket is worth trying: yes (`{}`), not before a while, or not with these credentials.
 * @typedef {{ refused?: { code: number, message: string }, retry?: { afterMs?: number, reason: string } }} Admission
 */

/**
 * Where the connection stands. `waiting.at` is the time of the next attempt, in epoch milliseconds.
 * @typedef {{ name: 'stopped' } | { name: 'connecting' } | { name: 'connected', info: Info | undefined }
 *   | { name: 'waiting', at: number, reason: string } | { name: 'refused', code: number, message: string }} State
 */

/**
 * @typedef {object} Clock
 * @property {(run: () => void, ms: number) => unknown} setTimeout
 * @property {(timer: any) => void} clearTimeout
 * @property {() => number} now
 * @property {() => number} random
 */

/** The gateway's code for a refused socket. */
const UNAUTHENTICATED = 4401
const FIRST_DELAY_MS = 1000
const LONGEST_DELAY_MS = 30_000
/** A connection that held so long was a good one: the next attempt starts with the shortest delay again. */
const GOOD_AFTER_MS = 10_000
/** A gateway that takes longer to say who it is does not answer at all. */
const ANSWER_TIMEOUT_MS = 15_000

/** @type {Clock} */
const CLOCK = {
  setTimeout: (run, ms) => setTimeout(run, ms),
  clearTimeout: (timer) => clearTimeout(timer),
  now: () => Date.now(),
  random: () => Math.random()
}

/** An error that the gateway answered. */
export class RpcError extends Error {
  /** @param {{ code: number, message: string, data?: any }} error */
  constructor({ code, message, data }) {
    super(message)
    this.code = code
    this.data = data
  }
}

/** The socket broke before the answer came, or there was none (`sent` is false) and nothing happened. */
export class Disconnected extends Error {
  /** @param {boolean} sent */
  constructor(sent) {
    super(sent ? 'The connection was lost before the answer came' : 'There is no connection to the gateway')
    this.sent = sent
  }
}

/**
 * The socket is at the very URL of the page, whatever prefix the gateway lives under. The query has no say in it.
 * @param {string} page
 */
export function socketUrl(page) {
  const url = new URL('./', page)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  return url.href
}

/** A name that nobody guesses or uses twice. randomUUID is not there over plain http. */
export function uniqueId() {
  const hex = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/**
 *   stopped ──start──▶ connecting ──first answer──▶ connected
 *                       ▲       │                        │
 *                 delay │       │ admission, close       │ close
 *                       │       ▼                        ▼
 *                       └─── waiting ◀───────────────────┘      4401 ──▶ refused (until start)
 */
export class Client {
  /** @type {State} */
  state = { name: 'stopped' }
  /** @type {WebSocket | undefined} */
  #socket
  /** @type {Map<number, { resolve: (result: any) => void, reject: (error: Error) => void, onEvent: ((frame: EventFrame) => void) | undefined }>} */
  #pending = new Map()
  /** Those who hear events after the answer too, by the id of the request. @type {Map<number, (frame: EventFrame) => void>} */
  #listeners = new Map()
  /** @type {{ code: number, message: string } | undefined} */
  #refusal
  /** @type {unknown} */
  #timer
  /** Counts attempts; what belongs to an earlier one is ignored. */
  #attempt = 0
  #lastId = 0
  #failures = 0
  #connectedAt = 0
  /** When the sign of life was asked for that has not come. @type {number | undefined} */
  #askedAt

  /**
   * @param {object} options
   * @param {string} options.url
   * @param {() => string[]} options.protocols subprotocols to offer
   * @param {() => Promise<Admission>} options.admit asked before each attempt: a script cannot see why a handshake failed
   * @param {(state: State) => void} options.onState also when only `info` is new
   * @param {Clock} [options.clock]
   */
  constructor({ url, protocols, admit, onState, clock = CLOCK }) {
    this.url = url
    this.protocols = protocols
    this.admit = admit
    this.onState = onState
    this.clock = clock
  }

  /** Connects now, whatever it was waiting for; a connection that is there stays. */
  start() {
    if (this.state.name !== 'connected' && this.state.name !== 'connecting') void this.#connect()
  }

  stop() {
    this.#end()
    this.#enter({ name: 'stopped' })
  }

  /**
   * @param {string} method
   * @param {Record<string, unknown>} [params]
   * @param {(frame: EventFrame) => void} [onEvent]
   * @returns {Promise<any>} the result; rejects with `RpcError` or `Disconnected`
   */
  request(method, params, onEvent) {
    return this.state.name === 'connected' ? this.#request(method, params, onEvent) : Promise.reject(new Disconnected(false))
  }

  /**
   * A request whose events go on after its answer, for as long as this connection lasts.
   * @param {string} method
   * @param {Record<string, unknown>} params
   * @param {(frame: EventFrame) => void} onEvent
   * @returns {Promise<any>} as that of `request`
   */
  subscribe(method, params, onEvent) {
    const answer = this.request(method, params)
    if (this.state.name === 'connected') this.#listeners.set(this.#lastId, onEvent)
    return answer
  }

  /** Asks for a sign of life. If one asked for long ago has not come, the connection is dead, whatever the browser thinks. */
  async check() {
    if (this.state.name !== 'connected') return
    if (this.#askedAt !== undefined) {
      if (this.clock.now() - this.#askedAt >= ANSWER_TIMEOUT_MS) this.#wait('The gateway no longer answers.')
      return
    }
    this.#askedAt = this.clock.now()
    const attempt = this.#attempt
    const info = await this.#hello().catch(() => undefined)
    if (attempt !== this.#attempt) return
    this.#askedAt = undefined
    if (info) this.#enter({ name: 'connected', info })
  }

  async #connect() {
    this.#end()
    const attempt = this.#attempt
    this.#enter({ name: 'connecting' })
    const { refused, retry } = await this.admit()
    if (attempt !== this.#attempt) return
    if (refused) return this.#enter({ name: 'refused', ...refused })
    if (retry) return this.#wait(retry.reason, retry.afterMs)

    const socket = new WebSocket(this.url, this.protocols())
    this.#socket = socket
    this.#timer = this.clock.setTimeout(() => this.#wait('The gateway does not answer.'), ANSWER_TIMEOUT_MS)
    socket.onopen = () => this.#greet(attempt)
    socket.onmessage = ({ data }) => {
      if (attempt === this.#attempt) this.#receive(JSON.parse(data))
    }
    socket.onclose = ({ code, reason }) => {
      if (attempt !== this.#attempt) return
      const refusal = this.#refusal ?? { code: -5, message: reason }
      if (code !== UNAUTHENTICATED) return this.#wait(code === 1006 ? 'The connection was lost.' : closed(code, reason))
      this.#end()
      this.#enter({ name: 'refused', ...refusal })
    }
  }

  /**
   * A refused socket opens too: only an answer tells that the gateway has let us in.
   * @param {number} attempt
   */
  async #greet(attempt) {
    let info
    try {
      info = await this.#hello()
    } catch (error) {
      if (error instanceof Disconnected || attempt !== this.#attempt) return
    }
    this.clock.clearTimeout(this.#timer)
    this.#connectedAt = this.clock.now()
    this.#enter({ name: 'connected', info })
  }

  /** @returns {Promise<Info>} */
  #hello() {
    return this.#request('system.info')
  }

  /**
   * @param {string} method
   * @param {Record<string, unknown>} [params]
   * @param {(frame: EventFrame) => void} [onEvent]
   * @returns {Promise<any>}
   */
  #request(method, params, onEvent) {
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId
      this.#pending.set(id, { resolve, reject, onEvent })
      this.#socket?.send(JSON.stringify({ id, method, params }))
    })
  }

  /** @param {any} frame */
  #receive(frame) {
    if (frame.id === null && frame.error) this.#refusal = frame.error
    const pending = this.#pending.get(frame.id)
    if ('event' in frame) return (pending?.onEvent ?? this.#listeners.get(frame.id))?.(frame)
    if (!pending) return
    this.#pending.delete(frame.id)
    if ('error' in frame) pending.reject(new RpcError(frame.error))
    else pending.resolve(frame.result)
  }

  /**
   * Gives up the socket and tries again later: after twice as long each time, and never at the same moment as everybody else
   * whom a restart of the gateway has thrown out.
   * @param {string} reason
   * @param {number} [afterMs]
   */
  #wait(reason, afterMs) {
    if (this.#connectedAt > 0 && this.clock.now() - this.#connectedAt >= GOOD_AFTER_MS) this.#failures = 0
    this.#end()
    const longest = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#failures++)
    const delay = afterMs ?? Math.round(longest * (0.5 + this.clock.random() / 2))
    this.#timer = this.clock.setTimeout(() => void this.#connect(), delay)
    this.#enter({ name: 'waiting', at: this.clock.now() + delay, reason })
  }

  /** The end of an attempt: nothing of it is heard any more, and who waits for an answer is told. */
  #end() {
    this.#attempt++
    this.clock.clearTimeout(this.#timer)
    this.#socket?.close()
    this.#socket = undefined
    this.#refusal = undefined
    this.#connectedAt = 0
    this.#askedAt = undefined
    const pending = [...this.#pending.values()]
    this.#pending.clear()
    this.#listeners.clear()
    for (const { reject } of pending) reject(new Disconnected(true))
  }

  /** @param {State} state */
  #enter(state) {
    this.state = state
    this.onState(state)
  }
}

/**
 * @param {number} code
 * @param {string} reason
 */
function closed(code, reason) {
  return `The gateway closed the connection (${reason || `code ${code}`}).`
}
