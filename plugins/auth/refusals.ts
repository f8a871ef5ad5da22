import { RpcError } from '../../rpc/errors.ts'

const HOW =
  "send the gateway's token as 'Authorization: Bearer <token>', as the WebSocket subprotocols 'flynn.v1' and 'bearer.<base64url(token)>', or sign in with POST /auth/session"

/** -4: nothing that counts was given. `ignored` says why a Tailscale identity did not. */
export function credentialRequired({ hadCookie, ignored }: { hadCookie: boolean; ignored: string | undefined }): RpcError {
  const what = hadCookie ? 'Authentication required: the session has ended' : 'Authentication required'
  return new RpcError('AuthRequired', `${what}; ${HOW}${ignored ? ` (the Tailscale identity does not count: ${ignored})` : ''}`)
}

/** -4: there is no credential that could be given. */
export function tokenNotConfigured(): RpcError {
  return new RpcError(
    'AuthRequired',
    'Authentication required: without server.token only direct connections from this machine are accepted; set server.token on the gateway'
  )
}

/** -5. Says nothing of what was wrong with it. */
export function wrongCredential(): RpcError {
  return new RpcError('AuthFailed', 'Authentication failed: the credential is not one that this gateway accepts')
}

/** -5, 429. */
export function lockedOut(retryAfterMs: number): RpcError {
  return new RpcError(
    'AuthFailed',
    `Too many failed attempts to authenticate: try again in ${Math.ceil(retryAfterMs / 1000)} seconds`,
    { statusCode: 429, data: { retryable: true, retryAfterMs } }
  )
}

/** -5, 403: a page of another site asks. */
export function foreignOrigin(): RpcError {
  return new RpcError(
    'AuthFailed',
    "Pages of this Origin may not use the gateway: it is neither the gateway's own nor in server.allowed_origins",
    { statusCode: 403 }
  )
}

/** -5, 403: a name that may have been rebound asks. */
export function foreignHost(): RpcError {
  return new RpcError(
    'AuthFailed',
    'The Host of this request is not the gateway: without server.token only localhost and the hosts of server.allowed_origins are',
    { statusCode: 403 }
  )
}
