/**
 * What `agent.send` and `sessions.get` say of a file; a history has its size instead of its data.
 * @typedef {{ mimeType: string, data?: string, filename?: string, bytes?: number }} File
 * @typedef {{ success: boolean, output: string, error: string | null, truncated?: boolean }} ToolResult
 * @typedef {{ callId: string, tool: string, args: unknown, result?: ToolResult }} ToolCall
 */

/**
 * What can be said of a message. Terminal: done, stopped, failed, unanswered, undelivered. `lost`: sent, but the connection
 * broke, and until the history is read again nobody here knows more.
 */
const WORDS = {
  waiting: 'Not sent yet: waiting for the connection',
  queued: 'Queued: the agent finishes what came before',
  sent: 'Thinking',
  working: 'Working',
  stopping: 'Stopping',
  followed: 'The agent is still working',
  done: '',
  stopped: 'Stopped',
  failed: 'Failed',
  lost: 'The connection was lost; the agent may still be working',
  unanswered: 'This answer was not finished',
  undelivered: 'This message did not reach the gateway'
}

/** @typedef {keyof typeof WORDS} TurnState */

/** The agent has it, or will: it can be stopped. */
const BUSY = new Set(['queued', 'sent', 'working', 'stopping'])
/** What a browser shows without running anything in it. */
const IMAGE = /^image\/(png|jpeg|gif|webp|avif|bmp|svg\+xml)$/

/**
 * An element with its content. Text stays text: nothing of what people, models or tools say is ever parsed as HTML.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Partial<HTMLElementTagNameMap[K]>} [properties]
 * @param {(Node | string)[]} content
 * @returns {HTMLElementTagNameMap[K]}
 */
export function element(tag, properties = {}, ...content) {
  const made = Object.assign(document.createElement(tag), properties)
  made.append(...content)
  return made
}

/** One message and what came of it, on the screen. */
export class Turn {
  /** @type {TurnState} */
  state = 'done'
  /** @type {string | undefined} */
  runId
  /** The whole text of the answer so far. */
  answer = ''
  /** The answer's end that is not on the screen yet. */
  #unseen = ''
  #frame = 0
  /** Where text goes; another begins after each tool call. @type {Text | undefined} */
  #text
  /** @type {Map<string, ToolCard>} */
  #calls = new Map()
  #body = element('div', { className: 'answer' })
  #note = element('p', { className: 'note' })

  /** @param {string | undefined} message undefined where a history begins in the middle of a run */
  constructor(message) {
    this.message = message
    this.element = element('li', { className: 'turn' })
    if (message !== undefined) {
      const said = element('div', { className: 'message' }, element('span', { className: 'unseen' }, 'You: '), message)
      this.element.append(said)
    }
    this.element.append(this.#body, this.#note)
  }

  get busy() {
    return BUSY.has(this.state)
  }

  /**
   * @param {TurnState} state
   * @param {string} [words] in place of the usual ones
   * @param {{ label: string, run: () => void }} [action] what can be done about it
   */
  enter(state, words = WORDS[state], action) {
    this.state = state
    this.element.dataset.state = state
    this.#note.replaceChildren(words)
    if (action)
      this.#note.append(' ', element('button', { type: 'button', className: 'plain', onclick: action.run }, action.label))
    if (this.busy || state === 'followed') return
    this.#show()
    for (const card of this.#calls.values()) card.lost()
  }

  /**
   * One event of the run. `error` and `done` only repeat what the answer to the request says.
   * @param {{ event: string, data: any, runId?: string }} frame
   */
  receive({ event, data, runId }) {
    this.runId ??= runId
    if (this.state === 'queued' || this.state === 'sent') this.enter('working')
    if (event === 'content' && data.transient) this.#append(element('p', { className: 'aside' }, data.text))
    else if (event === 'content') this.write(data.text)
    else if (event === 'tool_start') this.call(data)
    else if (event === 'tool_end') this.#cardOf(data)?.end(data.result)
    else if (event === 'attachment') this.attach(data)
  }

  /**
   * More of the answer. It gets on the screen with the next frame: a fast model sends far more pieces than a display has frames.
   * @param {string} text
   */
  write(text) {
    this.answer += text
    this.#unseen += text
    this.#frame ||= requestAnimationFrame(() => this.#show())
  }

  /** @param {ToolCall} call */
  call({ callId, tool, args, result }) {
    const card = new ToolCard(tool, args)
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

/** One call of a tool: a line that opens. */
class ToolCard {
  #state = element('span', { className: 'state' }, 'running')
  #body

  /**
   * @param {string} tool
   * @param {unknown} args
   */
  constructor(tool, args) {
    this.tool = tool
    this.#body = element('div', { className: 'body' }, section('Arguments', JSON.stringify(args, null, 2)))
    this.element = element(
      'details',
      { className: 'tool' },
      element('summary', {}, element('code', {}, tool), this.#state),
      this.#body
    )
    this.element.dataset.state = 'running'
  }

  /** @param {ToolResult} result */
  end({ success, output, error, truncated }) {
    this.#enter(success ? 'ok' : 'failed')
    if (error) this.#body.append(section('Error', error))
    if (output || !error) this.#body.append(section(truncated ? 'Result (its beginning)' : 'Result', output || '(nothing)'))
  }

  /** Nobody will tell any more how it ended. */
  lost() {
    if (this.element.dataset.state === 'running') this.#enter('outcome unknown')
  }

  /** @param {string} state */
  #enter(state) {
    this.element.dataset.state = state
    this.#state.textContent = state
  }
}

/**
 * @param {string} title
 * @param {string} text
 */
function section(title, text) {
  return element('section', { ariaLabel: title }, element('h3', {}, title), element('pre', { tabIndex: 0 }, text))
}

/**
 * An image is shown, everything else offered for download, as bytes without a type: a page among them must not open here.
 * @param {File} file
 */
function fileElement({ mimeType, data, filename, bytes }) {
  if (data === undefined) return element('p', { className: 'file' }, `${filename ?? mimeType} (${size(bytes ?? 0)})`)
  if (IMAGE.test(mimeType))
    return element('img', { src: `data:${mimeType};base64,${data}`, alt: filename ?? 'Image from the agent' })
  const content = Uint8Array.from(atob(data), (character) => character.charCodeAt(0))
  const href = URL.createObjectURL(new Blob([content], { type: 'application/octet-stream' }))
  const name = filename ?? `file.${mimeType.split('/')[1]}`
  const link = element('a', { href, download: name }, `Download ${name}`)
  return element('p', { className: 'file' }, link, ` (${mimeType}, ${size(content.length)})`)
}

/** @param {number} bytes */
function size(bytes) {
  if (bytes < 1000) return `${bytes} bytes`
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`
}
