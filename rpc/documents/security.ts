import type { Route } from './described.ts'

export const SECURITY_SCHEMES = {
  bearer: { type: 'http', scheme: 'bearer', description: '`server.token`, or one of `server.tokens` with the scopes it has' },
  cookie: { type: 'apiKey', in: 'cookie', name: 'flynn_session', description: 'Set by `POST /auth/session`' }
}

/** Security requirement of an operation: names of schemes, any of which suffices. `scopes`: scopes of the credential. */
export function security(auth: Route['auth'], scopes: readonly string[] = []): object[] {
  if (auth === 'none') return []
  const schemes = Object.keys(SECURITY_SCHEMES).map((scheme) => ({ [scheme]: scopes }))
  return auth === 'required' || auth === 'http' ? schemes : [{}, ...schemes]
}
