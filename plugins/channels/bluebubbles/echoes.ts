/** Time in which a sent text may come back. */
const ECHO_MS = 60_000
/** Sent texts remembered. Beyond this the oldest is forgotten. */
const MAX_ECHOES = 1000

interface Sent {
  readonly chat: string
  readonly text: string
  readonly until: number
}

/**
 * Recognises own messages that come back as messages of others. In a chat with oneself each sent message arrives a second time, not marked as
 * one's own, and an agent that answered it would never stop.
 */
export class Echoes {
  #sent: Sent[] = []
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  /** To be called before the text is sent: its echo may come before the answer of the server. */
  remember(chat: string, text: string): void {
    this.#sent = [...this.#current(), { chat, text: plain(text), until: this.#now() + ECHO_MS }].slice(-MAX_ECHOES)
  }

  /** `true`: the message is the echo of a sent text. Each text has one echo. */
  take(chat: string, text: string): boolean {
    const current = this.#current()
    const found = current.find((sent) => sent.chat === chat && sent.text === plain(text))
    this.#sent = current.filter((sent) => sent !== found)
    return found !== undefined
  }

  #current(): Sent[] {
    return this.#sent.filter(({ until }) => until > this.#now())
  }
}

function plain(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}
