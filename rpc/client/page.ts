interface Target {
  addEventListener?: (name: string, listener: () => void) => void
  removeEventListener?: (name: string, listener: () => void) => void
}

/**
 * Calls `wake` when the network is back or a person looks at the page again, and `hide` when the page goes: it may never run again. Does
 * nothing outside of browsers. Returns the function that stops it.
 */
export function watchPage(wake: () => void, hide: () => void): () => void {
  const page = globalThis as Target & { document?: Target & { visibilityState?: string } }
  const { document } = page
  if (!document) return () => {}
  const visible = (): void => {
    if (document.visibilityState === 'visible') wake()
    else hide()
  }
  page.addEventListener?.('online', wake)
  page.addEventListener?.('focus', wake)
  page.addEventListener?.('pagehide', hide)
  document.addEventListener?.('visibilitychange', visible)
  return () => {
    page.removeEventListener?.('online', wake)
    page.removeEventListener?.('focus', wake)
    page.removeEventListener?.('pagehide', hide)
    document.removeEventListener?.('visibilitychange', visible)
  }
}
