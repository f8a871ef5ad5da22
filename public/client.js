/**
 * A client of the gateway's protocol over the browser's WebSocket: requests, answers, events, and automatic reconnection.
 * It never sends a request twice. Only the gateway knows if a request had an effect before the socket broke, so the caller
 * has to repeat it in a way that is safe.
 */

/**
 * Result of `system.info`.
 * @typedef {{ version: string, uptime: number, connections: number, model?: { provider: string, model: string, offline: boolean } }} Info
 */

/**
 * One event of a request. `seq` counts the events of a run; where several came as one, `fromSeq` is the number of the first.
 * @typedef {{ id: number, event: string, data: any, runId?: string, seq?: number, fromSeq?: number }} EventFrame
 */

/**
 * Result of the check before a connection attempt: connect (`{}`), try later, or the credentials were refused.
 * @typedef {{ refused?: { code: number, message: string }, retry?: { afterMs?: number, reason: string } }} Admission
 */

/**
 * State of the connection. `waiting.at` is the time of the next attempt, in epoch milliseconds.
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
/** After a connection that lasted this long, the next attempt starts with the shortest delay again. */
const GOOD_AFTER_MS = 10_000
/** A gateway that needs longer to answer `system.info` counts as unreachable. */
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

/** The socket broke before the answer came. With `sent` false no socket was open, and nothing was sent. */
export class Disconnected extends Error {
  /** @param {boolean} sent */
  constructor(sent) {
    super(sent ? 'The connection was lost before the answer came' : 'There is no connection to the gateway')
    this.sent = sent
  }
}

/**
 * URL of the socket: that of the page without its query, so that the page works under any path prefix.
 * @param {string} page
 */
export function socketUrl(page) {
  const url = new URL('./', page)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  return url.href
}

/** A random id in the form of a UUID, unguessable and unique. Over plain HTTP browsers do not offer `crypto.randomUUID`. */
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
  /** Listeners for events that arrive after the answer, by request id. @type {Map<number, (frame: EventFrame) => void>} */
  #listeners = new Map()
  /** @type {{ code: number, message: string } | undefined} */
  #refusal
  /** @type {unknown} */
  #timer
  /** Counts attempts. Callbacks of an earlier attempt are ignored. */
  #attempt = 0
  #lastId = 0
  #failures = 0
  #connectedAt = 0
  /** Time of the keep-alive request that is still unanswered. @type {number | undefined} */
  #askedAt

  /**
   * @param {object} options
   * @param {string} options.url
   * @param {() => string[]} options.protocols subprotocols to offer
   * @param {() => Promise<Admission>} options.admit asked before each attempt: a script cannot see why a handshake failed
   * @param {(state: State) => void} options.onState also called when only `info` is new
   * @param {Clock} [options.clock]
   */
  constructor({ url, protocols, admit, onState, clock = CLOCK }) {
    this.url = url
    this.protocols = protocols
    this.admit = admit
    this.onState = onState
    this.clock = clock
  }

  /** Connects now instead of waiting for the next attempt. Keeps an existing connection. */
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
   * Sends a request whose events continue after its answer, until this connection ends.
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

  /** Sends a keep-alive request. If an earlier one timed out, the connection is dead, even if the browser reports it open. */
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
   * Waits for the first answer. A refused socket opens too, so only an answer proves that the gateway accepted us.
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
   * Gives up the socket and tries again later, with exponential backoff. Random jitter keeps the clients that a restart of the
   * gateway has disconnected from coming back all at once.
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

  /** Ends an attempt: ignores its later callbacks and rejects all pending requests. */
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
