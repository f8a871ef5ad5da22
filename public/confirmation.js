/** @import { Approvals, Confirm } from './approvals.js' */

import { RpcError } from './client.js'
import { element } from './element.js'

const INVALID_REQUEST = -2
const AUTH_FAILED = -5
/** When whoever does not see the time run is reminded. */
const LAST_SECONDS = 30

/**
 * The question whether a tool may run. It waits until it is answered here or elsewhere, its time is over, or the run has ended; then its
 * buttons go.
 */
export class Confirmation {
  /** It can still be answered, as far as anybody here knows. */
  open = true
  /** Somebody said no here. */
  refused = false
  #options
  #left = element('span', { className: 'left', role: 'timer' })
  #words = element('p', { role: 'status' })
  #answering = false
  /** The tool has ended. */
  #ended = false
  /** How often whoever does not see it was told of it. */
  #told = 0
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer

  /**
   * @param {object} options
   * @param {string} options.tool
   * @param {Confirm} options.confirm
   * @param {Approvals} options.approvals
   * @param {(state: string) => void} options.onOver nobody here is asked any more, and the tool has not ended yet
   */
  constructor(options) {
    this.#options = options
    const { tool, approvals } = options
    this.element = element('div', { className: 'confirm', role: 'group', ariaLabel: `Confirm ${tool}` })
    this.open = this.#seconds() > 0
    if (!this.open) return
    this.#left.textContent = timeLeft(this.#seconds())
    this.element.append(
      ...(approvals.possible
        ? [
            element('p', {}, 'The agent waits: may this run, exactly as it stands here?'),
            element('div', { className: 'choice' }, this.#button('Allow', true), this.#button('Refuse', false), this.#left)
          ]
        : [element('p', {}, 'It waits until somebody confirms it. With this login you can only watch: ', this.#left)]),
      this.#words
    )
    this.#timer = setInterval(() => this.#tick(), 1000)
  }

  /**
   * The tool has ended, or its run.
   * @param {boolean} success it ran
   */
  end(success) {
    this.#ended = true
    // What was said here is known in a moment.
    if (this.open && !this.#answering) this.#close(success ? 'Allowed elsewhere.' : '')
  }

  /** @param {boolean} approve */
  async #answer(approve) {
    if (this.#answering) return
    this.#answering = true
    this.refused = !approve
    try {
      await this.#options.approvals.answer(this.#options.confirm.callId, approve)
      this.#close(approve ? 'Allowed.' : 'Refused.')
    } catch (error) {
      this.refused = false
      const message = error instanceof Error ? error.message : String(error)
      const code = error instanceof RpcError ? error.code : undefined
      if (code === INVALID_REQUEST) this.#close('It does not wait any more: it was answered elsewhere, or its time is over.')
      else if (code === AUTH_FAILED || this.#ended) this.#close(message, 'waits to be confirmed')
      else this.#words.textContent = `Not answered: ${message}`
    }
    this.#answering = false
  }

  #tick() {
    // What has left the screen is not asked any more.
    if (!this.element.isConnected) return clearInterval(this.#timer)
    const seconds = this.#seconds()
    this.#left.textContent = timeLeft(seconds)
    if (seconds > 0) this.#tell(seconds)
    else if (!this.#answering) this.#close('Not answered here, and the time for it is over.')
  }

  /**
   * Twice, not every second. Not when it comes, either: what is only replayed has an answer in a moment.
   * @param {number} seconds
   */
  #tell(seconds) {
    const { tool, approvals } = this.#options
    if (!approvals.possible || this.#told === (seconds > LAST_SECONDS ? 1 : 2)) return
    const what = this.#told === 0 ? `The agent wants to run ${tool}.` : `${tool} still waits.`
    this.#told = seconds > LAST_SECONDS ? 1 : 2
    approvals.options.onAsk(`${what} Allow or refuse it: ${timeLeft(seconds)}.`)
  }

  #seconds() {
    const { confirm, approvals } = this.#options
    return Math.max(0, Math.ceil((confirm.expiresAt - approvals.options.now()) / 1000))
  }

  /**
   * @param {string} words
   * @param {string} [state] of the tool
   */
  #close(words, state = 'running') {
    this.open = false
    clearInterval(this.#timer)
    const hadFocus = this.element.contains(document.activeElement)
    for (const part of [...this.element.children]) if (part !== this.#words) part.remove()
    this.#words.textContent = words
    if (hadFocus) this.element.closest('details')?.querySelector('summary')?.focus()
    if (!this.#ended) this.#options.onOver(state)
  }

  /**
   * @param {string} label
   * @param {boolean} approve
   */
  #button(label, approve) {
    return element(
      'button',
      {
        type: 'button',
        className: approve ? 'primary' : '',
        // The second click of two is meant for what was there before: the question that it would answer has not been read.
        onclick: ({ detail }) => void (detail > 1 || this.#answer(approve))
      },
      label
    )
  }
}

/** @param {number} seconds */
function timeLeft(seconds) {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')} left`
}
