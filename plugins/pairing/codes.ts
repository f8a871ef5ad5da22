import { createHash, randomInt } from 'node:crypto'

/** Neither I, L and 1 nor O and 0: codes are read aloud and typed. */
export const ALPHABET = 'ABCDEFGHJKMNPQRSTUVWXYZ23456789'
export const LENGTH = 6
export const VALID_MS = 5 * 60_000
/** Codes of one channel that can be used at the same time: each of them makes guessing easier. */
export const MAX_OPEN = 3
/** Of all channels together, which are named by whoever asks for a code. */
export const MAX_OPEN_IN_ALL = 300
/**
 * Wrong guesses at the codes of one channel that void them, whoever made them: a stranger may have many names. Three codes among
 * 31 to the power of 6 are found by then with a chance of less than one to ten million.
 */
export const MAX_GUESSES = 20

/** A code that can be used. Times are epoch milliseconds. */
export interface Code {
  readonly code: string
  readonly channel: string
  readonly createdAt: number
  readonly expiresAt: number
}

interface Open extends Code {
  /** Wrong guesses since it was made. */
  guesses: number
}

/**
 * The codes that can be used, each once and for five minutes. They are kept in memory alone: the end of the process voids them.
 * Looked up by digest, so that how long it takes tells nothing of how much of a guess was right.
 */
export class Codes {
  /** Oldest first, by the digest of the code. */
  readonly #open = new Map<string, Open>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  /** Undefined: there are as many as there may be, of the channel or in all. */
  make(channel: string): Code | undefined {
    if (this.list().length >= MAX_OPEN_IN_ALL || this.list(channel).length >= MAX_OPEN) return undefined
    let code = randomCode()
    while (this.#open.has(digest(code))) code = randomCode()
    const createdAt = this.#now()
    const made = { code, channel, createdAt, expiresAt: createdAt + VALID_MS }
    this.#open.set(digest(code), { ...made, guesses: 0 })
    return made
  }

  /** Oldest first. */
  list(channel?: string): Code[] {
    this.#forget()
    return [...this.#open.values()].filter((open) => channel === undefined || open.channel === channel)
  }

  /** Takes the code that was typed, which nobody can take again. Undefined: there is none, or not on this channel. */
  take(typed: string, channel?: string): Code | undefined {
    this.#forget()
    const key = digest(normal(typed))
    const open = this.#open.get(key)
    if (open === undefined || (channel !== undefined && open.channel !== channel)) return undefined
    this.#open.delete(key)
    return open
  }

  /** A wrong guess: at the codes of the channel, or else at all of them. Answers those that are void now. */
  wrong(channel?: string): Code[] {
    this.#forget()
    const voided: Code[] = []
    for (const [key, open] of this.#open) {
      if ((channel !== undefined && open.channel !== channel) || ++open.guesses < MAX_GUESSES) continue
      this.#open.delete(key)
      voided.push(open)
    }
    return voided
  }

  #forget(): void {
    for (const [key, { expiresAt }] of this.#open) if (expiresAt <= this.#now()) this.#open.delete(key)
  }
}

function randomCode(): string {
  return Array.from({ length: LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')
}

function normal(typed: string): string {
  return typed.replace(/[\s-]/g, '').toUpperCase()
}

function digest(code: string): string {
  return createHash('sha256').update(code).digest('base64')
}
