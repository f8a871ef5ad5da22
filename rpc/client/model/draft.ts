import type { GatewayClient } from '../client.ts'
import { systemClock } from '../clock.ts'
import { watchPage } from '../page.ts'
import { Saver } from '../saver.ts'

/** Keys of a store: the text in the input field of a session. */
const DRAFT = 'flynn:draft:'

export interface DraftOptions {
  readonly client: GatewayClient
  readonly sessionId: string
  readonly onChange: () => void
}

/** Text of the input field, kept in the store of the client. */
export class Draft {
  text = ''
  readonly #options: DraftOptions
  readonly #key: string
  readonly #saver: Saver | undefined
  /** The text was set here: what the store has is older. */
  #set = false
  #unwatch: (() => void) | undefined

  constructor(options: DraftOptions) {
    const { client, sessionId } = options
    this.#options = options
    this.#key = DRAFT + sessionId
    this.#saver = client.store && new Saver(client.store, systemClock, client.report)
  }

  /** Reads the store, unless the text was set before, and writes to it before the page goes. */
  open(): void {
    const { client, onChange } = this.#options
    this.#unwatch = watchPage(
      () => {},
      () => this.flush()
    )
    if (this.#set || !client.store) return
    client.store.get(this.#key).then((text) => {
      if (this.#set || text === undefined) return
      this.text = text
      onChange()
    }, client.report)
  }

  close(): void {
    this.#unwatch?.()
    this.#unwatch = undefined
    this.flush()
  }

  /** Writes what was not written yet. */
  flush(): void {
    void this.#saver?.flush()
  }

  set(text: string): void {
    this.#set = true
    this.text = text
    this.#saver?.save(this.#key, () => (this.text === '' ? undefined : this.text))
    this.#options.onChange()
  }
}
