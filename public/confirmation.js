/** @import { Approvals, Confirm } from './approvals.js' */

import { RpcError } from './client.js'
import { element } from './element.js'

const INVALID_REQUEST = -2
const AUTH_FAILED = -5
/** Remaining seconds at which screen readers announce the question again. */
const LAST_SECONDS = 30

/**
 * The question that asks a person to allow a tool. It is open until it is answered here or elsewhere, expires, or the run ends.
 * Then its buttons disappear.
 */
export class Confirmation {
  /** It can still be answered, as far as this page knows. */
  open = true
  /** It was refused on this page. */
  refused = false
  #options
  #left = element('span', { className: 'left', role: 'timer' })
  #words = element('p', { role: 'status' })
  #answering = false
  /** The tool has ended. */
  #ended = false
  /** Number of announcements to screen readers so far. */
  #told = 0
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer

  /**
   * @param {object} options
   * @param {string} options.tool
   * @param {Confirm} options.confirm
   * @param {Approvals} options.approvals
   * @param {(state: string) => void} options.onOver the question closes here before the tool has ended
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
        : [element('p', {}, 'This tool waits for confirmation. Your login cannot confirm tools: ', this.#left)]),
      this.#words
    )
    this.#timer = setInterval(() => this.#tick(), 1000)
  }

  /**
   * Closes the question because the tool or its run has ended.
   * @param {boolean} success the tool ran
   */
  end(success) {
    this.#ended = true
    // The result of an answer given on this page arrives in a moment.
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
    // A question that has left the screen needs no countdown.
    if (!this.element.isConnected) return clearInterval(this.#timer)
    const seconds = this.#seconds()
    this.#left.textContent = timeLeft(seconds)
    if (seconds > 0) this.#tell(seconds)
    else if (!this.#answering) this.#close('Not answered here, and the time for it is over.')
  }

  /**
   * Announces the question to screen readers twice, not every second. The first time is a second after it appears: a replayed
   * question may be answered a moment later.
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
        // The second click of a double click was meant for what stood here before: the user has not read this question yet.
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
