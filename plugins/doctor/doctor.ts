import type { Static } from '@sinclair/typebox'
import type { Masker } from '../../security/masking/masker.ts'
import { masked } from '../../security/sanitize.ts'
import { NamedRegistry } from '../define.ts'
import type { Finding as FindingSchema } from './schema.ts'

export type Finding = Static<typeof FindingSchema>

/** Health check. `flynn-gateway doctor` and `system.doctor` show its finding. */
export interface Check {
  /** Short name, unique in the gateway: `weather`. */
  readonly name: string
  /** Looks at one thing and changes nothing. A rejection counts as `fail`. `signal` is aborted after ten seconds. */
  run(signal: AbortSignal): Promise<Omit<Finding, 'check'>>
}

/** A check that takes longer has failed. */
const TIMEOUT_MS = 10_000
/** Characters of a message or a fix. */
const MAX_TEXT = 500

/** Health checks of the gateway and its plugins. */
export class Doctor {
  readonly #checks = new NamedRegistry<Check>('doctor check')
  readonly #masker: () => Masker
  readonly #timeoutMs: number

  constructor({ masker, timeoutMs = TIMEOUT_MS }: { readonly masker: () => Masker; readonly timeoutMs?: number }) {
    this.#masker = masker
    this.#timeoutMs = timeoutMs
  }

  /**
   * Adds a check.
   * @throws Error for a name that is taken; it stops the start
   */
  check(check: Check): void {
    this.#checks.add(check)
  }

  /** Runs every check at once. Never rejects. */
  run(): Promise<Finding[]> {
    return Promise.all(this.#checks.list().map((check) => this.#find(check)))
  }

  async #find({ name, run }: Check): Promise<Finding> {
    const signal = AbortSignal.timeout(this.#timeoutMs)
    const timeout = Promise.withResolvers<never>()
    signal.addEventListener('abort', () => timeout.reject(new Error(`no result within ${this.#timeoutMs / 1000} s`)))
    try {
      const { status, message, fix } = await Promise.race([run(signal), timeout.promise])
      return { check: name, status, message: this.#text(message), ...(fix === undefined ? {} : { fix: this.#text(fix) }) }
    } catch (error) {
      return { check: name, status: 'fail', message: this.#text(error instanceof Error ? error.message : String(error)) }
    }
  }

  #text(text: string): string {
    return masked(text, { masker: this.#masker(), limit: MAX_TEXT })
  }
}
