/** Files of one build of the pages, put in by scripts/pages.ts. */
export interface ShellBuild {
  readonly build: string
  /** Relative to the worker; the page itself is `./`. */
  readonly files: readonly string[]
}

/** The part of a request that decides who answers it. */
export interface Asked {
  readonly method: string
  readonly mode: string
  readonly url: string
}

/**
 * Source of an answer. `page`: the network, without it the kept page. `file`: the kept file, without it the network. Undefined: the browser, as
 * without a worker. That is everything but the shell: answers of the gateway and attachments are never kept.
 */
export function sourceOf({ method, mode, url }: Asked, scope: string, files: readonly string[]): 'page' | 'file' | undefined {
  if (method !== 'GET' || !url.startsWith(scope)) return undefined
  const [path = ''] = url.slice(scope.length).split(/[?#]/, 1)
  if (mode === 'navigate') return path === '' || path === 'index.html' ? 'page' : undefined
  // Also those of earlier builds, which tabs that are open still use.
  return path.startsWith('assets/') || (path !== './' && files.includes(path)) ? 'file' : undefined
}

/** Beginning of the names of caches of one place: two gateways on one host share the storage. */
export function cachesOf(scope: string): string {
  return `flynn:${new URL(scope).pathname}:`
}

/**
 * Caches to delete when a build becomes the current one, of all that exist, oldest first. The newest of the others stays: tabs that are open run
 * that build, and load more of its files.
 */
export function outdated(names: readonly string[], scope: string, current: string): string[] {
  const others = names.filter((name) => name.startsWith(cachesOf(scope)) && name !== current)
  return others.slice(0, -1)
}
