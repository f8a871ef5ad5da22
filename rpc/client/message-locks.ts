import { deferred } from './deferred.ts'

/** The part of Web Locks that is used. */
export interface Locks {
  request(name: string, options: { readonly ifAvailable: true }, hold: (lock: unknown) => Promise<void>): Promise<unknown>
}

/** Locks of a page. Without TLS it has none, and other programs do not share a store. */
export function pageLocks(): Locks | undefined {
  const { document, navigator } = globalThis as { document?: unknown; navigator?: { locks?: Locks } }
  return document ? navigator?.locks : undefined
}

/**
 * Locks of messages: of several tabs that share a store, the one that has the lock of a message sends it. The browser frees those of a tab that is
 * closed or crashes. Without locks every tab takes every message; by its key the gateway starts it once.
 */
export class MessageLocks {
  readonly #locks: Locks | undefined
  /** Functions that free a lock, by message. */
  readonly #held = new Map<string, () => void>()

  constructor(locks: Locks | undefined) {
    this.#locks = locks
  }

  /** Takes the lock of a message until `free`. Answers false when another tab has it. */
  async take(key: string): Promise<boolean> {
    if (!this.#locks || this.#held.has(key)) return true
    const held = deferred<void>()
    const taken = deferred<boolean>()
    this.#held.set(key, () => held.resolve())
    const hold = (lock: unknown): Promise<void> => {
      taken.resolve(lock !== null)
      return lock === null ? Promise.resolve() : held.promise
    }
    // A document that is about to go gets none: then it does as without locks.
    this.#locks.request(`flynn:send:${key}`, { ifAvailable: true }, hold).catch(() => taken.resolve(true))
    if (await taken.promise) return true
    this.#held.delete(key)
    return false
  }

  free(key: string): void {
    this.#held.get(key)?.()
    this.#held.delete(key)
  }
}
