import { computed, signal } from '@preact/signals'

const held = signal<ReadonlyMap<symbol, string>>(new Map())

/** Reasons not to reload the page now, in words for a person: content that only the memory of this page has. */
export const unsaved = computed(() => [...held.value.values()])

/**
 * Keeps the page from being reloaded for an update: `hold('A file is being uploaded.')`.
 * @returns the function that ends it
 */
export function hold(reason: string): () => void {
  const key = Symbol(reason)
  held.value = new Map(held.value).set(key, reason)
  return () => {
    held.value = new Map([...held.value].filter(([other]) => other !== key))
  }
}
