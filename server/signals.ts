import closeWithGrace from 'close-with-grace'
import type { FastifyInstance } from 'fastify'

/** Signal by which a supervisor asks a program to read its configuration again. */
const RELOAD = 'SIGHUP'
/** Time that a gateway gets to end which is stopped while it starts. */
const START_CLOSE_MS = 20_000

/**
 * Signals of a gateway that runs by itself. Created before anything else is loaded: a signal without a listener ends the process,
 * and supervisors send SIGHUP as soon as the first line is in the log.
 *
 * SIGTERM and SIGINT close the gateway, a second one ends the process at once. SIGHUP reloads the configuration; one that comes
 * during the start reloads it as soon as the gateway runs. On a terminal SIGHUP means that the terminal is gone, and ends the gateway.
 */
export class Signals {
  readonly #reloads = !process.stdout.isTTY
  #app: FastifyInstance | undefined
  #grace: ReturnType<typeof closeWithGrace>
  #reload: (() => void) | undefined
  #missed = false
  #closing = false

  constructor() {
    if (this.#reloads) {
      process.on(RELOAD, () => {
        this.#missed = this.#reload === undefined
        if (!this.#closing) this.#reload?.()
      })
    }
    // Its default opens the inspector, through which any program of this user could read every secret.
    process.on('SIGUSR1', () => {})
    this.#grace = this.#listen(START_CLOSE_MS)
  }

  /** Names the instance to close, and the time it gets. */
  closes(app: FastifyInstance, graceMs: number): void {
    this.#app = app
    this.#grace.uninstall()
    this.#grace = this.#listen(graceMs)
  }

  /** Sets what SIGHUP does from now on. */
  reloads(reload: () => void): void {
    this.#reload = reload
    if (this.#missed) reload()
  }

  /** The start failed: signals and errors are those of the process again. Until then an uncaught error would end it in silence. */
  release(): void {
    this.#grace.uninstall()
  }

  #listen(delay: number): ReturnType<typeof closeWithGrace> {
    const logger = { error: (message: unknown) => this.#app?.log.error(message) }
    return closeWithGrace({ delay, skip: this.#reloads ? [RELOAD] : [], logger }, async ({ err, signal }) => {
      this.#closing = true
      const app = this.#app
      if (err) app?.log.fatal({ err }, 'closing after an unhandled error')
      else app?.log.info({ signal }, 'closing')
      await app?.close()
    })
  }
}
