import { plain } from '../security/masking/views.ts'
import type { PrintedEvent } from './client.ts'
import { coloured } from './output.ts'

/** Characters of a tool's input or output that are printed. */
const SHOWN = 160

/** Prints events of sessions for people: answers as they grow, everything else on lines of its own. */
export class EventPrinter {
  /** Session and run of the unfinished line. */
  #speaker: string | undefined
  readonly #write: (text: string) => void

  constructor(write: (text: string) => void) {
    this.#write = write
  }

  take({ event, data, sessionId = '', runId = '' }: PrintedEvent): void {
    const said = (data ?? {}) as Record<string, unknown>
    if (event === 'content') this.#speak(`${sessionId} ${runId}`, sessionId, harmless(String(said.text ?? '')))
    else this.line(`${coloured('cyan', sessionId || 'gateway')} ${lineOf(event, said)}`)
  }

  /** Prints a line. */
  line(text: string): void {
    if (this.#speaker !== undefined) this.#write('\n')
    this.#speaker = undefined
    this.#write(`${text}\n`)
  }

  #speak(speaker: string, sessionId: string, text: string): void {
    if (this.#speaker !== speaker) {
      if (this.#speaker !== undefined) this.#write('\n')
      this.#write(`${coloured('cyan', sessionId)} `)
    }
    this.#speaker = speaker
    this.#write(text)
  }
}

function lineOf(event: string, data: Record<string, unknown>): string {
  if (event === 'tool_start') return coloured('yellow', `${data.tool} ${brief(data.args)} …`)
  if (event === 'tool_end') {
    const { success, output, error } = (data.result ?? {}) as Record<string, unknown>
    return success === false
      ? coloured('red', `${data.tool} failed: ${brief(error)}`)
      : coloured('dim', `${data.tool}: ${brief(output)}`)
  }
  if (event === 'done') return coloured('dim', 'done')
  if (event === 'error') return coloured('red', `error ${data.code}: ${brief(data.message)}`)
  return coloured('dim', `${event} ${brief(data)}`)
}

function brief(value: unknown): string {
  const text = harmless(typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).replaceAll('\n', ' ')
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text
}

/** Text without anything that drives the terminal or overwrites the line. */
function harmless(text: string): string {
  return plain(text).replaceAll('\r', '')
}
