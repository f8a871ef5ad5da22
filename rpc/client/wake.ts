interface Target {
  addEventListener?: (name: string, listener: () => void) => void
  removeEventListener?: (name: string, listener: () => void) => void
}

/** Calls `wake` when the network is back or a person looks at the page again. Does nothing outside of browsers. */
export function onWake(wake: () => void): () => void {
  const page = globalThis as Target & { document?: Target & { visibilityState?: string } }
  const { document } = page
  if (!document) return () => {}
  const visible = (): void => {
    if (document.visibilityState === 'visible') wake()
  }
  page.addEventListener?.('online', wake)
  page.addEventListener?.('focus', wake)
  document.addEventListener?.('visibilitychange', visible)
  return () => {
    page.removeEventListener?.('online', wake)
    page.removeEventListener?.('focus', wake)
    document.removeEventListener?.('visibilitychange', visible)
  }
}
