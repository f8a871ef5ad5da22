/** A place in the application: segments of the path and the query, both decoded. */
export interface Route {
  readonly path: readonly string[]
  readonly query: ReadonlyMap<string, string>
}

/** The route that a URL's hash names, such as `#/sessions/web:1?q=frontend:web`. What cannot be decoded stays as it is. */
export function parseHash(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#?\/?/, '').split(/\?(.*)/s, 2)
  return {
    path: path
      .split('/')
      .filter((part) => part !== '')
      .map(decoded),
    query: new Map(new URLSearchParams(query))
  }
}

/** The hash of a route: `#/sessions/web%3A1?q=…`. Empty values are left out. */
export function hashOf(path: readonly string[], query: Readonly<Record<string, string | undefined>> = {}): string {
  const wanted = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== '')
  const search = wanted.length > 0 ? `?${new URLSearchParams(wanted)}` : ''
  return `#/${path.map(encodeURIComponent).join('/')}${search}`
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
