/** @import { Approvals } from './approvals.js' */
/** @import { File } from './file.js' */
/** @import { ToolCall } from './tool.js' */

import { element } from './element.js'
import { fileElement } from './file.js'
import { ToolCard } from './tool.js'

/**
 * Default note for each state of a message. Terminal states: done, stopped, failed, unanswered. `lost`: the connection broke before
 * the answer was complete, or the gateway shuts down and keeps the message. The page resumes it at the next connection.
 */
const WORDS = {
  waiting: 'Not sent yet: waiting for the connection',
  sent: 'Thinking',
  queued: 'Waits',
  working: 'Working',
  stopping: 'Stopping',
  lost: 'The connection was lost',
  done: '',
  stopped: 'Stopped',
  failed: 'Failed',
  unanswered: 'This answer was not finished'
}

/** @typedef {keyof typeof WORDS} TurnState */

/** States in which the agent has the message, or will get it. It can be stopped. */
const BUSY = new Set(['sent', 'queued', 'working', 'stopping'])
/** States whose end this page has received. */
const ENDED = new Set(['done', 'stopped', 'failed'])
/** One message and its answer on the screen. A run that answers several messages is one turn with all of them. */
export class Turn {
  /** @type {TurnState} */
  state = 'done'
  words = ''
  /** Messages of the turn. Empty if the history begins in the middle of a run, or only the run's id is known. @type {string[]} */
  messages = []
  /** Idempotency key: makes it safe to send the message again. Only messages written here have one. @type {string | undefined} */
  key
  /** Id that the gateway gave the message. @type {string | undefined} */
  messageId
  /** @type {string | undefined} */
  runId
  /** The newest event of the run that is on the screen. */
  seq = 0
  /** One of our requests receives its events. */
  followed = false
  /** It was sent over a connection that broke, and the gateway has not confirmed it. */
  unsure = false
  /** This page has all of it. If not, the history replaces it once it has ended. */
  whole = true
  /** The turn it became part of, because one run answers both. @type {Turn | undefined} */
  into
  /** The whole text of the answer so far. */
  answer = ''
  /** Text of the latest `context_warning`. */
  warning = ''
  /** End of the answer that is not on the screen yet. */
  #unseen = ''
  #frame = 0
  /** Content of the newest event. @type {string | Element} */
  #newest = ''
  /** Text node that receives the answer. A new one begins after each tool call. @type {Text | undefined} */
  #text
  /** @type {Map<string, ToolCard>} */
  #calls = new Map()
  #body = element('div', { className: 'answer' })
  #note = element('p', { className: 'note' })

  /** @param {string} [message] */
  constructor(message) {
    this.element = element('li', { className: 'turn' }, this.#body, this.#note)
    if (message !== undefined) this.ask(message)
  }

  get busy() {
    return BUSY.has(this.state)
  }

  get ended() {
    return ENDED.has(this.state)
  }

  /**
   * @param {TurnState} state
   * @param {string} [words] replaces the default note of the state
   * @param {{ label: string, run: () => void }} [action] what can be done about it
   */
  enter(state, words = WORDS[state], action) {
    this.state = state
    this.words = words
    this.element.dataset.state = state
    this.#note.replaceChildren(words)
    if (action)
      this.#note.append(' ', element('button', { type: 'button', className: 'plain', onclick: action.run }, action.label))
    if (this.busy || state === 'lost') return
    this.#show()
    for (const card of this.#calls.values()) card.lost()
  }

  /**
   * Adds a message that the run answers, above the answer.
   * @param {string} message
   */
  ask(message) {
    this.messages.push(message)
    // The space keeps question and answer apart in the plain text of a turn.
    this.#body.before(bubble(message), ' ')
  }

  /**
   * Adds a message that the run answers from its event `seq` on. That event may already be on the screen: both requests receive it.
   * @param {string} message
   * @param {number} seq
   */
  join(message, seq) {
    this.messages.push(message)
    const said = bubble(message)
    const newest = seq === this.seq ? this.#newest : ''
    if (typeof newest !== 'string') return newest.before(said)
    this.#show()
    if (this.#text && newest) this.#text.data = this.#text.data.slice(0, -newest.length)
    if (this.#text?.data === '') this.#text.parentElement?.remove()
    this.#append(said)
    this.#unseen = newest
    this.#show()
  }

  /**
   * Shows one event of the run, unless it is already on the screen. Ignores `error` and `done`, which only repeat the answer to the
   * request.
   * @param {{ event: string, data: any, runId?: string, seq?: number }} frame
   * @param {Approvals} approvals
   */
  receive({ event, data, runId, seq = this.seq + 1 }, approvals) {
    if (this.runId !== undefined && this.runId !== runId) {
      this.restart()
      this.whole = false
    }
    this.runId = runId
    if (seq <= this.seq) return
    this.seq = seq
    this.#newest = ''
    if (this.state === 'queued' || this.state === 'sent') this.enter('working')
    if (event === 'content' && data.transient) this.#append(element('p', { className: 'aside' }, data.text))
    else if (event === 'content') this.write(data.text)
    else if (event === 'tool_start') this.call(data, approvals)
    else if (event === 'tool_end') this.#cardOf(data)?.end(data.result)
    else if (event === 'attachment') this.attach(data)
    else if (event === 'context_warning') this.warn(data.message)
  }

  /**
   * Empties the turn before its events come from the beginning. Its content was from the history, or from a run that was cut off when
   * the gateway exited.
   */
  restart() {
    cancelAnimationFrame(this.#frame)
    this.#body.replaceChildren()
    this.#calls.clear()
    this.#text = undefined
    this.#unseen = ''
    this.#frame = 0
    this.answer = ''
    this.warning = ''
    this.seq = 0
  }

  /**
   * Adds a remark of the gateway beside the answer.
   * @param {string} text
   */
  remark(text) {
    this.#append(element('p', { className: 'aside' }, text))
  }

  /**
   * Shows a warning that the agent's context is nearly full. The history does not contain it.
   * @param {string} text
   */
  warn(text) {
    this.warning = text
    this.remark(text)
  }

  /**
   * Shows the reply of the gateway itself: the message was a command.
   * @param {string} text
   * @param {boolean} begins a new conversation begins here
   */
  reply(text, begins) {
    this.restart()
    const who = element('span', { className: begins ? 'unseen' : 'who' }, 'Gateway: ')
    this.#append(element('p', { className: begins ? 'beginning' : 'reply' }, who, text))
    this.enter('done')
  }

  /**
   * Appends text to the answer. It is drawn with the next frame: a fast model sends far more pieces than a display has frames.
   * @param {string} text
   */
  write(text) {
    this.answer += text
    this.#newest = text
    this.#unseen += text
    this.#frame ||= requestAnimationFrame(() => this.#show())
  }

  /**
   * @param {ToolCall} call
   * @param {Approvals} [approvals] given if the call may need confirmation
   */
  call(call, approvals) {
    const { callId, tool, result } = call
    const card = new ToolCard(call, approvals)
    this.#calls.set(callId ?? `${tool} ${this.#calls.size}`, card)
    if (result) card.end(result)
    this.#append(card.element)
  }

  /** @param {File} file */
  attach(file) {
    this.#append(fileElement(file))
  }

  /**
   * Finds the card that a result belongs to. Without an id it is the card of the tool's last call.
   * @param {{ callId?: string, tool: string }} end
   */
  #cardOf({ callId, tool }) {
    return callId ? this.#calls.get(callId) : [...this.#calls.values()].findLast((card) => card.tool === tool)
  }

  /** @param {HTMLElement} part */
  #append(part) {
    this.#show()
    if (this.#text) this.#text.data = this.#text.data.trimEnd()
    this.#text = undefined
    this.#newest = part
    this.#body.append(part)
  }

  #show() {
    cancelAnimationFrame(this.#frame)
    this.#frame = 0
    if (!this.#text) {
      // The margin between two paragraphs replaces the blank line between two steps of a run.
      const text = this.#unseen.trimStart()
      if (text === '') return
      this.#text = document.createTextNode(text)
      this.#body.append(element('div', { className: 'text' }, element('span', { className: 'unseen' }, 'Agent: '), this.#text))
    } else this.#text.appendData(this.#unseen)
    this.#unseen = ''
  }
}

/** @param {string} message */
function bubble(message) {
  return element('div', { className: 'message' }, element('span', { className: 'unseen' }, 'You: '), message)
}
