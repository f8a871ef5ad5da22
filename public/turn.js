/** @import { Approvals } from './approvals.js' */
/** @import { File } from './file.js' */
/** @import { ToolCall } from './tool.js' */

import { element } from './element.js'
import { fileElement } from './file.js'
import { ToolCard } from './tool.js'

/**
 * What can be said of a message. Terminal: done, stopped, failed, unanswered. `lost`: the connection broke before the answer was
 * complete, or the gateway ends and keeps the message: it is gone on with at the next connection.
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

/** The agent has it, or will: it can be stopped. */
const BUSY = new Set(['sent', 'queued', 'working', 'stopping'])
/** Its end was seen here. */
const ENDED = new Set(['done', 'stopped', 'failed'])
/** One message and what came of it, on the screen. A run that answers several messages is one turn that has them all. */
export class Turn {
  /** @type {TurnState} */
  state = 'done'
  words = ''
  /** The messages it is about. None where a history begins in the middle of a run, or a run was only heard of. @type {string[]} */
  messages = []
  /** Makes sending the message again safe. Only what was written here has one. @type {string | undefined} */
  key
  /** What the gateway calls the message. @type {string | undefined} */
  messageId
  /** @type {string | undefined} */
  runId
  /** The newest event of the run that is on the screen. */
  seq = 0
  /** A request of ours is told what happens to it. */
  followed = false
  /** It was sent over a connection that broke, and nothing was heard of it. */
  unsure = false
  /** All of it is here. Otherwise the history knows it better, once it has ended. */
  whole = true
  /** The turn it became part of, because one run answers both. @type {Turn | undefined} */
  into
  /** The whole text of the answer so far. */
  answer = ''
  /** What `context_warning` said. */
  warning = ''
  /** The answer's end that is not on the screen yet. */
  #unseen = ''
  #frame = 0
  /** What the newest event brought. @type {string | Element} */
  #newest = ''
  /** Where text goes; another begins after each tool call. @type {Text | undefined} */
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
   * @param {string} [words] in place of the usual ones
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
   * A message that the run answers, above the answer.
   * @param {string} message
   */
  ask(message) {
    this.messages.push(message)
    this.#body.before(bubble(message))
  }

  /**
   * Another message that the run answers from its event `seq` on, which may be here already: it was told to both who asked.
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
   * One event of the run; what is on the screen already is not shown again. `error` and `done` only repeat what the answer to
   * the request says.
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

  /** Everything comes from the beginning: what is here is from the history, or of a run in which the gateway ended. */
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
   * Said by the gateway beside the answer.
   * @param {string} text
   */
  remark(text) {
    this.#append(element('p', { className: 'aside' }, text))
  }

  /**
   * That the context of the agent is nearly full: it is in no history.
   * @param {string} text
   */
  warn(text) {
    this.warning = text
    this.remark(text)
  }

  /**
   * The gateway itself has answered: the message was a command.
   * @param {string} text
   * @param {boolean} begins from here on it is another conversation
   */
  reply(text, begins) {
    this.restart()
    const who = element('span', { className: begins ? 'unseen' : 'who' }, 'Gateway: ')
    this.#append(element('p', { className: begins ? 'beginning' : 'reply' }, who, text))
    this.enter('done')
  }

  /**
   * More of the answer. It gets on the screen with the next frame: a fast model sends far more pieces than a display has frames.
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
   * @param {Approvals} [approvals] where it may have to be confirmed
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
   * The card that a result belongs to; without an id it is that of the last call of the tool.
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
      // The blank line between two steps of a run is the margin between two paragraphs here.
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
