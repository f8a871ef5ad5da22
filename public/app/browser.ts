/**
 * Names of all that this browser keeps of the pages. Each begins with the path of this gateway: two gateways on one host share the storage.
 *
 * - localStorage `flynn:<path>:account`, `:theme`: the account of the last connection, the colours
 * - IndexedDB `flynn:<path>:messages:<account>`: unsent messages, drafts and cursors; `:offline:<account>`: copies to read offline; `:worker`
 * - caches `flynn:<path>:<build>` of the service worker: files of the pages
 */
export const PLACE = `flynn:${new URL('./', location.href).pathname}:`

const ACCOUNT = `${PLACE}account`

/** Account of the last connection: its unsent messages and copies are shown before there is one. */
export function lastAccount(): string | undefined {
  return localStorage.getItem(ACCOUNT) ?? undefined
}

export function setAccount(account: string | undefined): void {
  if (account === undefined) localStorage.removeItem(ACCOUNT)
  else localStorage.setItem(ACCOUNT, account)
}

/** Names of the databases of one account. */
export const databases = {
  messages: (account: string): string => `${PLACE}messages:${account}`,
  offline: (account: string): string => `${PLACE}offline:${account}`
}

/** Deletes a database, also while other tabs have it open. */
export function deleteDatabase(name: string): Promise<void> {
  return new Promise((resolve) => {
    const request = indexedDB.deleteDatabase(name)
    request.onsuccess = request.onerror = () => resolve()
  })
}
