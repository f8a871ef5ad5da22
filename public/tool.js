/** @import { Approvals, Confirm } from './approvals.js' */

/**
 * A tool call in events and in `sessions.get`. The history has no `confirm`.
 * @typedef {{ success: boolean, output: string, error: string | null, truncated?: boolean }} ToolResult
 * @typedef {{ callId: string, tool: string, args: unknown, result?: ToolResult, confirm?: Confirm }} ToolCall
 */

import { Confirmation } from './confirmation.js'
import { element } from './element.js'

/** Characters that are invisible or change where the following text is displayed. */
const HIDDEN = /[\p{Bidi_Control}\u200b\u2028\u2029\u2060\ufeff\u{e0000}-\u{e007f}]/gu

/** One tool call, as a line that opens. A call that waits for a person is open and contains the question. */
export class ToolCard {
  #state = element('span', { className: 'state' })
  #ended = false
  #body
  /** @type {Confirmation | undefined} */
  #confirmation

  /**
   * @param {ToolCall} call
   * @param {Approvals} [approvals] given if the call may need confirmation
   */
  constructor({ tool, args, confirm }, approvals) {
    this.tool = tool
    this.#body = element('div', { className: 'body' }, section('Arguments', spelled(args)))
    this.element = element(
      'details',
      { className: 'tool' },
      element('summary', {}, element('code', {}, tool), this.#state),
      this.#body
    )
    this.#enter('running')
    if (!confirm || !approvals) return
    this.#confirmation = new Confirmation({ tool, confirm, approvals, onOver: (state) => this.#enter(state) })
    this.#body.append(this.#confirmation.element)
    this.element.open = this.#confirmation.open
    if (this.#confirmation.open) this.#enter(approvals.possible ? 'waits for you' : 'waits to be confirmed')
  }

  /** @param {ToolResult} result */
  end({ success, output, error, truncated }) {
    this.#ended = true
    this.#confirmation?.end(success)
    this.#enter(success ? 'ok' : this.#confirmation?.refused ? 'refused' : 'failed')
    if (error) this.#body.append(section('Error', error))
    if (output || !error) this.#body.append(section(truncated ? 'Result (its beginning)' : 'Result', output || '(nothing)'))
  }

  /** Marks the call as ended with an unknown outcome: no more events will arrive. */
  lost() {
    if (this.#ended) return
    this.#ended = true
    this.#enter(this.#confirmation?.open ? 'not answered here' : 'outcome unknown')
    this.#confirmation?.end(false)
  }

  /** @param {string} state */
  #enter(state) {
    this.element.dataset.state = state
    this.#state.textContent = state
  }
}

/**
 * Formats arguments with hidden characters escaped. An attacker could use these to make the arguments look different.
 * @param {unknown} args
 */
function spelled(args) {
  return JSON.stringify(args, null, 2).replace(HIDDEN, (hidden) => `\\u{${hidden.codePointAt(0)?.toString(16)}}`)
}

/**
 * @param {string} title
 * @param {string} text
 */
function section(title, text) {
  return element('section', { ariaLabel: title }, element('h3', {}, title), element('pre', { tabIndex: 0 }, text))
}
