// The part of React that the hook uses. The types of React bring names of the DOM into every file of a program: tsconfig.json names these
// in their place.
export function useMemo<T>(make: () => T, inputs: readonly unknown[]): T
export function useSyncExternalStore<T>(
  subscribe: (listener: () => void) => () => void,
  getSnapshot: () => T,
  getServerSnapshot: () => T
): T
