import type { FastifyRequest } from 'fastify'
import type { Caller } from '../../rpc/define.ts'
import { RpcError } from '../../rpc/errors.ts'
import { gatewayPlugin } from '../define.ts'
import { sessionHeader } from './cookie.ts'
import { type Attempt, type AuthPolicy, Gate, isUpgrade, type Outcome } from './gate.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Authenticates requests. */
    auth: Auth
  }
}

export type { AuthPolicy, Outcome } from './gate.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the route asks of its callers; `required` when it says nothing — plugins/auth */
    auth?: AuthPolicy
  }
}

/** Any request, whatever its route's types. */
type Incoming = Pick<FastifyRequest, 'raw' | 'ip' | 'host' | 'protocol'>

/** Any reply that a header can still be added to. */
interface Answer {
  header(name: string, value: string): unknown
}

export interface Auth {
  /** No token is configured. */
  readonly open: boolean
  /** Who sent a request. On a route with `auth: 'none'` nobody was asked, and the outcome is `AuthRequired`. */
  of(request: Incoming): Outcome
  /** Who sent a request; throws the `RpcError` of its outcome when that is nobody. */
  require(request: Incoming): Caller
  /** Adds the session cookie to the answer for whoever knows a token. Throws 401, and 429 with `Retry-After`. */
  signIn(request: Incoming, reply: Answer, token: string): void
  /** Whether the credential that somebody was let in with still counts, and for the same. */
  stillAdmits(caller: Caller): boolean
  /** Calls `listener` after a reload that may have removed or changed credentials, with a predicate over the ids of their callers. */
  onRevoked(listener: (revoked: (callerId: string) => boolean) => void): void
  /** Removes the session cookie. */
  signOut(request: Incoming, reply: Answer): void
}

/** Owns `app.auth`: every request is authenticated before anything else looks at it, as its route's `config.auth` says. */
export default gatewayPlugin({ name: 'auth', dependencies: ['config', 'audit'] }, async (app) => {
  const gate = new Gate(app.config.server, (event, detail) => {
    if (event === 'ignored') app.log.debug(detail, 'Tailscale identity ignored')
    else if (event === 'refused') app.log.warn(detail, 'request of a foreign page refused')
    else {
      const isLockout = event === 'lockout'
      app.log.warn(detail, isLockout ? 'address locked out: too many failed authentications' : 'authentication failed')
      app.audit.record(`auth.${event}`, detail.address, detail)
    }
  })
  const revocations: ((revoked: (callerId: string) => boolean) => void)[] = []
  app.configStore.onChange(({ server }) => {
    const revoked = gate.update(server)
    for (const listener of revocations) listener(revoked)
  })
  // Not a request decorator: a host may have one of the same name, and a child scope cannot shadow it.
  const outcomes = new WeakMap<object, Outcome>()

  const auth: Auth = {
    get open() {
      return gate.open
    },
    stillAdmits: (caller) => gate.stillAdmits(caller),
    onRevoked: (listener) => void revocations.push(listener),
    of: ({ raw }) => outcomes.get(raw) ?? { error: new RpcError('AuthRequired', 'Authentication required') },
    require(request) {
      const outcome = auth.of(request)
      if ('error' in outcome) throw outcome.error
      return outcome.caller
    },
    signIn(request, reply, token) {
      const outcome = auth.of(request)
      // With nothing to know, being let in is all there is to sign in to. A wrong credential beside the token stays wrong.
      if (gate.open || ('error' in outcome && outcome.error.kind === 'AuthFailed')) auth.require(request)
      if (gate.open) return
      try {
        setSession(request, reply, gate.signIn(attemptOf(request), token))
      } catch (error) {
        if (error instanceof RpcError) explain(reply, error)
        throw error
      }
    },
    signOut: (request, reply) => setSession(request, reply, '')
  }
  app.decorate('auth', auth)

  app.addHook('onRequest', (request, reply, done) => {
    const policy = request.routeOptions.config?.auth ?? 'required'
    if (policy === 'none') return done()
    const attempt = attemptOf(request)
    try {
      outcomes.set(request.raw, gate.admit(attempt, policy))
    } catch (error) {
      if (error instanceof RpcError) explain(reply, error)
      if (isUpgrade(attempt)) {
        // Node has let go of the socket of an upgrade: nobody else would close it once the answer is out.
        reply.header('connection', 'close')
        reply.raw.once('finish', () => request.raw.socket?.destroySoon?.())
      }
      return done(error as Error)
    }
    done()
  })

  function setSession(request: Incoming, reply: Answer, value: string): void {
    // Behind a proxy that ends TLS only the browser knows for sure: its page's Origin, by now checked, says https.
    const secure = request.protocol === 'https' || request.raw.headers.origin?.startsWith('https:') === true
    reply.header('set-cookie', sessionHeader(value, { path: app.prefix || '/', secure }))
  }
})

/** An injected upgrade has no socket: it is nobody's peer. */
function attemptOf({ raw, ip, host }: Incoming): Attempt {
  return { method: raw.method ?? '', headers: raw.headers, peer: raw.socket?.remoteAddress, address: ip, host }
}

/** The headers HTTP wants with a refusal: how to authenticate (RFC 9110, 11.6.1), or when to come back. */
function explain(reply: Answer, { statusCode, data }: RpcError): void {
  if (statusCode === 401) reply.header('www-authenticate', 'Bearer')
  if (data.retryAfterMs !== undefined) reply.header('retry-after', String(Math.ceil(data.retryAfterMs / 1000)))
}
