import { createInterface } from 'node:readline/promises'
import { printable } from '../security/sanitize.ts'

/** Characters of the arguments that a question shows. */
const SHOWN_CHARACTERS = 200

export interface Request {
  readonly capability: string
  readonly args: Record<string, unknown>
  /** Withdraws the question. */
  readonly signal: AbortSignal
}

export interface ConsentOptions {
  /** Names that need no question: `clipboard.read`, or `clipboard` for every name that begins with `clipboard.` */
  readonly allowed: readonly string[]
  /** Terminal of the user. Undefined: only `allowed` names can be used. */
  readonly terminal: { readonly input: NodeJS.ReadableStream; readonly output: NodeJS.WritableStream } | undefined
}

/** Consent of the user of this machine. A yes holds for the capability until the program ends; a no holds for one call. */
export class Consent {
  readonly #options: ConsentOptions
  readonly #given = new Set<string>()
  /** End of the question before: one is shown at a time. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: ConsentOptions) {
    this.#options = options
  }

  /** The capability could be used, with a question or without. */
  mayOffer(capability: string): boolean {
    return this.#options.terminal !== undefined || this.#isAllowed(capability)
  }

  /** @throws Error when the user refuses */
  async require(request: Request): Promise<void> {
    const asked = this.#last.then(() => this.#ask(request))
    this.#last = asked.catch(() => {})
    if (!(await asked)) throw new Error(`The user of this machine did not allow ${request.capability}`)
  }

  async #ask({ capability, args, signal }: Request): Promise<boolean> {
    if (this.#isAllowed(capability)) return true
    const { terminal } = this.#options
    if (!terminal) return false
    // Without terminal mode Ctrl-C stays a signal.
    const lines = createInterface({ ...terminal, terminal: false })
    try {
      const shown = printable(JSON.stringify(args), SHOWN_CHARACTERS)
      const answer = await lines.question(`The gateway asks for ${capability} ${shown}. Allow it from now on? [y/N] `, { signal })
      const allowed = /^\s*y(es)?\s*$/i.test(answer)
      if (allowed) this.#given.add(capability)
      return allowed
    } finally {
      lines.close()
    }
  }

  #isAllowed(capability: string): boolean {
    return this.#given.has(capability) || this.#options.allowed.some((name) => covers(name, capability))
  }
}

/** `clipboard` covers `clipboard.read`. */
export function covers(name: string, capability: string): boolean {
  return capability === name || capability.startsWith(`${name}.`)
}
