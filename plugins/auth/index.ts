import type { FastifyRequest, FastifySchema } from 'fastify'
import type { Caller, Scope } from '../../rpc/define.ts'
import { RpcError } from '../../rpc/errors.ts'
import { isLoopback } from '../../security/address.ts'
import { printable } from '../../security/sanitize.ts'
import { gatewayPlugin } from '../define.ts'
import { sessionCookies, sessionHeader } from './cookie.ts'
import {
  type Attempt,
  type AuthPolicy,
  Gate,
  isForwarded,
  isUpgrade,
  type LoginOrigin,
  type LoginRegistry,
  type Outcome
} from './gate.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Authenticates requests. */
    auth: Auth
  }
}

export type { Login } from './cookie.ts'
export type { AuthPolicy, LoginOrigin, LoginRegistry, Outcome } from './gate.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Credential that the route requires; default `required` — plugins/auth */
    auth?: AuthPolicy
    /** Scope that the handler checks, for the documents — plugins/auth */
    scope?: Scope
  }
}

/** Any request, whatever its route's types. */
type Incoming = Pick<FastifyRequest, 'raw' | 'ip' | 'host' | 'protocol' | 'originalUrl'>

/** Any reply that a header can still be added to. */
interface Answer {
  header(name: string, value: string): unknown
}

export interface Auth {
  /** No token is configured. */
  readonly open: boolean
  /** Caller of a request. On a route with `auth: 'none'` the outcome is always `AuthRequired`. */
  of(request: Incoming): Outcome
  /** Caller of a request; throws the `RpcError` of its outcome when there is none. */
  require(request: Incoming): Caller
  /** Adds the session cookie to the answer if the token is right. Throws 401, and 429 with `Retry-After`. */
  signIn(request: Incoming, reply: Answer, token: string): void
  /** True if the credential of a caller is still valid, with the same scopes. */
  stillAdmits(caller: Caller): boolean
  /** Calls `listener` after a reload that may have removed or changed credentials, with a predicate over the ids of their callers. */
  onRevoked(listener: (revoked: (callerId: string) => boolean) => void): void
  /** Adds a session cookie for the token of a caller to the answer. Throws `InvalidRequest` when the caller has none. */
  signInAs(request: Incoming, reply: Answer, caller: Caller): void
  /** Counts a wrong one-time code. Throws 401, and 429 with `Retry-After`. */
  refuseCode(request: Incoming, reply: Answer): never
  /** Tells if session cookies can be made for a caller: it has a token. */
  hasToken(caller: Caller): boolean
  /** Sets the memory of logins. */
  remember(logins: LoginRegistry): void
  /** Removes the session cookie, and ends its login. */
  signOut(request: Incoming, reply: Answer): Promise<void>
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

  /** Absent in a gateway without the plugin `logins`. */
  let logins: LoginRegistry | undefined

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
        begin(request, reply, gate.signIn(attemptOf(request), token))
      } catch (error) {
        if (error instanceof RpcError) explain(reply, error)
        throw error
      }
    },
    signInAs(request, reply, caller) {
      const issued = gate.issueFor(caller)
      if (issued === undefined) throw new RpcError('InvalidRequest', 'This caller has no token to sign in with')
      begin(request, reply, issued)
    },
    refuseCode(request, reply) {
      try {
        return gate.refuseCode(attemptOf(request))
      } catch (error) {
        if (error instanceof RpcError) explain(reply, error)
        throw error
      }
    },
    hasToken: (caller) => gate.issueFor(caller) !== undefined,
    remember(registry) {
      logins = registry
      gate.remember(registry)
    },
    async signOut(request, reply) {
      setSession(request, reply, '')
      const ended = gate.loginsOf(sessionCookies(request.raw.headers.cookie))
      if (ended.length > 0) await logins?.endAll(ended)
    }
  }
  app.decorate('auth', auth)

  // CORS for the listed origins. Before the check below, so that a page can read its errors too.
  app.addHook('onRequest', async ({ headers: { origin } }, reply) => {
    if (origin === undefined) return
    reply.header('vary', 'Origin')
    if (!gate.lists(origin)) return
    reply.header('access-control-allow-origin', origin).header('access-control-allow-credentials', 'true')
    reply.header('access-control-expose-headers', 'retry-after, www-authenticate')
  })
  // A host with CORS of its own answers preflights itself.
  if (!app.hasRoute({ method: 'OPTIONS', url: '*' })) {
    app.options('/*', {
      config: { auth: 'none' },
      schema: { hide: true } as FastifySchema,
      handler({ headers: { origin } }, reply) {
        if (origin === undefined || !gate.lists(origin)) return reply.callNotFound()
        reply.header('access-control-allow-methods', 'GET, HEAD, POST, DELETE').header('access-control-max-age', '600')
        return reply.header('access-control-allow-headers', 'authorization, content-type, traceparent').code(204).send()
      }
    })
  }

  app.addHook('onRequest', (request, reply, done) => {
    const policy = request.routeOptions.config?.auth ?? 'required'
    if (policy === 'none') return done()
    const attempt = attemptOf(request)
    noteProxy(attempt)
    try {
      const outcome = gate.admit(attempt, policy)
      outcomes.set(request.raw, outcome)
      if ('caller' in outcome && outcome.login) logins?.seen(outcome.login, originOf(request), false)
    } catch (error) {
      if (error instanceof RpcError) explain(reply, error)
      if (isUpgrade(attempt)) {
        // Node has released the socket of an upgrade: it must be closed here once the answer is out.
        reply.header('connection', 'close')
        reply.raw.once('finish', () => request.raw.socket?.destroySoon?.())
      }
      return done(error as Error)
    }
    done()
  })

  let noted = false
  /** Says once that the requests of a proxy on this machine all count as one client. */
  function noteProxy(attempt: Attempt): void {
    if (noted || !isLoopback(attempt.peer) || attempt.address !== attempt.peer || !isForwarded(attempt)) return
    // Clients of tailscale serve have different logins.
    if (attempt.headers['tailscale-user-login'] !== undefined) return
    noted = true
    app.log.warn(
      'requests arrive through a proxy on this machine that is not trusted: failed logins of one client count for all. Set server.trusted_proxies to loopback, or trustProxy of the host'
    )
  }

  function begin(request: Incoming, reply: Answer, value: string): void {
    const [login] = gate.loginsOf([value])
    if (login) logins?.seen(login, originOf(request), true)
    setSession(request, reply, value)
  }

  function setSession(request: Incoming, reply: Answer, value: string): void {
    // Behind a proxy that ends TLS only the browser knows for sure: its page's Origin, by now checked, says https.
    const secure = request.protocol === 'https' || request.raw.headers.origin?.startsWith('https:') === true
    // Of the URL that the browser asked for: a host may have rewritten it.
    const path = request.originalUrl.split('?', 1)[0]!.replace(/\/auth\/session\/?$/, '') || '/'
    reply.header('set-cookie', sessionHeader(value, { path, secure }))
  }
})

/** Address and program of a client, cut and printable. */
function originOf({ ip, raw }: Pick<Incoming, 'ip' | 'raw'>): LoginOrigin {
  return { address: printable(ip ?? '', 64), userAgent: printable(raw.headers['user-agent'] ?? '', 256) }
}

/** The part of a request that authentication looks at. An injected upgrade has no socket and no peer. */
function attemptOf({ raw, ip, host }: Incoming): Attempt {
  return { method: raw.method ?? '', headers: raw.headers, peer: raw.socket?.remoteAddress, address: ip, host }
}

/** The headers HTTP wants with a refusal: how to authenticate (RFC 9110, 11.6.1), or when to come back. */
function explain(reply: Answer, { statusCode, data }: RpcError): void {
  if (statusCode === 401) reply.header('www-authenticate', 'Bearer')
  if (data.retryAfterMs !== undefined) reply.header('retry-after', String(Math.ceil(data.retryAfterMs / 1000)))
}
