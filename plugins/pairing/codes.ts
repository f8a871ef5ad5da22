import { createHash, randomInt } from 'node:crypto'

/** Letters and digits without I, L, 1, O and 0: codes are read aloud and typed. */
export const ALPHABET = 'ABCDEFGHJKMNPQRSTUVWXYZ23456789'
export const LENGTH = 6
export const VALID_MS = 5 * 60_000
/** Open codes of one channel. Each open code makes guessing easier. */
export const MAX_OPEN = 3
/** Open codes of all channels together. Callers choose channel names freely, so the number of channels is no bound. */
export const MAX_OPEN_IN_ALL = 300

/**
 * Access of a paired sender. An owner shares memory and tools with the operator. A guest has memory of its own and the tools of `tools.guests`.
 */
export type Access = 'guest' | 'owner'

/** A code that can be used. Times are epoch milliseconds. */
export interface Code {
  readonly code: string
  readonly channel: string
  readonly access: Access
  readonly createdAt: number
  readonly expiresAt: number
}

/**
 * Open pairing codes, each valid once and for five minutes. They are kept in memory only: the end of the process voids them. Lookup is by
 * digest, so that its duration says nothing about how much of a guess was right.
 */
export class Codes {
  /** Oldest first, by the digest of the code. */
  readonly #open = new Map<string, Code>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  /** Undefined: the channel, or the gateway, has as many open codes as it may have. */
  make(channel: string, access: Access): Code | undefined {
    if (this.list().length >= MAX_OPEN_IN_ALL || this.list(channel).length >= MAX_OPEN) return undefined
    let code = randomCode()
    while (this.#open.has(digest(code))) code = randomCode()
    const createdAt = this.#now()
    const made = { code, channel, access, createdAt, expiresAt: createdAt + VALID_MS }
    this.#open.set(digest(code), made)
    return made
  }

  /** Oldest first. */
  list(channel?: string): Code[] {
    this.#forgetExpired()
    return [...this.#open.values()].filter((open) => channel === undefined || open.channel === channel)
  }

  /** Uses up the code that was typed. Undefined: it is not open, or belongs to another channel. */
  take(typed: string, channel?: string): Code | undefined {
    this.#forgetExpired()
    const key = digest(typed.replace(/[\s-]/g, '').toUpperCase())
    const open = this.#open.get(key)
    if (open === undefined || (channel !== undefined && open.channel !== channel)) return undefined
    this.#open.delete(key)
    return open
  }

  #forgetExpired(): void {
    for (const [key, { expiresAt }] of this.#open) if (expiresAt <= this.#now()) this.#open.delete(key)
  }
}

function randomCode(): string {
  return Array.from({ length: LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')
}

function digest(code: string): string {
  return createHash('sha256').update(code).digest('base64')
}
