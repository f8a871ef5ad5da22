import type { Store } from '../../rpc/client/index.ts'

/**
 * Store of the account that this page is logged in with. Until the account is known the values are in memory; then its store takes them over. A page
 * has one account in its life: another login loads it anew.
 */
export class AccountStore implements Store {
  readonly #open: (account: string) => Store
  /** Values written before the account was known; undefined: deleted. */
  readonly #early = new Map<string, string | undefined>()
  #store: Store | undefined

  constructor(open: (account: string) => Store) {
    this.#open = open
  }

  /** Sets the account. Only the first call counts. */
  use(account: string): void {
    if (this.#store) return
    const store = this.#open(account)
    this.#store = store
    for (const [key, value] of this.#early) {
      // A failure is that of the first write since, which reports it.
      void (value === undefined ? store.delete(key) : store.set(key, value)).catch(() => {})
    }
    this.#early.clear()
  }

  async get(key: string): Promise<string | undefined> {
    return this.#store ? this.#store.get(key) : this.#early.get(key)
  }

  async set(key: string, value: string): Promise<void> {
    if (this.#store) await this.#store.set(key, value)
    else this.#early.set(key, value)
  }

  async delete(key: string): Promise<void> {
    if (this.#store) await this.#store.delete(key)
    else this.#early.set(key, undefined)
  }

  async keys(prefix: string): Promise<string[]> {
    if (this.#store) return this.#store.keys(prefix)
    return [...this.#early].filter(([key, value]) => value !== undefined && key.startsWith(prefix)).map(([key]) => key)
  }
}
