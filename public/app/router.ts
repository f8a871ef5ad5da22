import { signal } from '@preact/signals'
import { hashOf, parseHash, type Route } from './route.ts'

/** Current place. It changes with the address, so Back and Forward work. */
export const route = signal<Route>(parseHash(location.hash))

/** Follows the address from now on. */
export function startRouter(): void {
  addEventListener('hashchange', () => {
    route.value = parseHash(location.hash)
  })
}

/** Sets one part of the query without a new entry in the history: filters change with every key. */
export function setQuery(name: string, value: string | undefined): void {
  const { path, query } = route.value
  const hash = hashOf(path, { ...Object.fromEntries(query), [name]: value })
  history.replaceState(null, '', hash)
  route.value = parseHash(hash)
}
