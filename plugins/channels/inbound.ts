import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify'
import { bucketOf } from '../../security/address.ts'
import { FailureLimiter } from '../../security/failure-limiter.ts'
import { masked, printable } from '../../security/sanitize.ts'
import type { GatewayInstance } from '../define.ts'

const MiB = 1024 * 1024
/** Time for a request to arrive. Platforms are faster. */
const BODY_TIMEOUT_MS = 10_000

/** A request that is not verified yet. */
export interface InboundRequest {
  /** Of the path. */
  readonly params: Readonly<Record<string, string>>
  readonly headers: IncomingHttpHeaders
  readonly query: URLSearchParams
  /** The bytes as they came, which signatures cover. */
  readonly body: Buffer
  readonly log: FastifyBaseLogger
}

/** Response to a platform. An object is sent as JSON, an absent body as an empty one. */
export interface Answer {
  readonly status: number
  readonly body?: object | string
  readonly headers?: Readonly<Record<string, string>>
}

/** Refusal of a request. Its sender gets the status alone; `reason` is for the log. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly status: 400 | 401 | 403 | 404 | 413 | 415 | 429 | 503

  constructor(status: Refusal['status'], reason: string, options?: ErrorOptions) {
    super(reason, options)
    this.status = status
  }
}

export interface InboundRoute {
  /** `/teams/events`. */
  readonly url: string
  /** Bytes of a body. Default: 1 MiB. */
  readonly maxBytes?: number
  /** Missing configuration keys, such as `teams.app_id`. Empty: the route works. Called with each request. */
  missing(): readonly string[]
  /** Checks a request before its body is read, such as for a missing credential. @throws Refusal */
  precheck?(request: Omit<InboundRequest, 'body'>): void
  /** Verifies the sender, stores the message, and answers fast. @throws Refusal */
  handle(request: InboundRequest): Promise<Answer>
}

const TEXT: Record<Refusal['status'], string> = {
  400: 'The request is malformed',
  401: 'Not accepted',
  403: 'Not accepted',
  404: 'Not found',
  413: 'The body is too large',
  415: 'A body with a Content-Encoding is not accepted',
  429: 'Too many refused requests: try again later',
  503: 'Not available'
}

/**
 * Registers a route for a platform. It needs no token of the gateway and verifies the platform by its own rules: headers are checked before the body is read, and no answer says why a request was refused.
 */
export async function inbound(app: GatewayInstance, route: InboundRoute): Promise<void> {
  const failures = new FailureLimiter(Date.now)
  app.channels.routes.add(route)
  /** Counts a refused sender. 429 for an address that is locked; only then: a request that verifies is never refused because others failed. */
  const limited = (refusal: Refusal, address: string): Refusal => {
    if (refusal.status !== 401 && refusal.status !== 403) return refusal
    if (failures.lockedFor(address) > 0)
      return new Refusal(429, 'the address is locked after too many refusals', { cause: refusal })
    failures.fail(address)
    return refusal
  }
  // A scope of its own keeps its parser and its lack of a login from other routes.
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))

    scope.addHook('onRequest', async (request) => {
      const missing = route.missing()
      if (missing.length > 0) throw new Refusal(503, `not configured: ${missing.join(', ')}`)
      if (request.headers['content-encoding'] !== undefined) throw new Refusal(415, 'the body is encoded')
      const { raw } = request
      const slow = setTimeout(() => raw.destroy(), BODY_TIMEOUT_MS).unref()
      for (const event of ['end', 'close']) raw.once(event, () => clearTimeout(slow))
      route.precheck?.(seen(request))
    })

    scope.addHook('onResponse', async (_request, reply) =>
      app.hooks.emit('channel.answered', { route: route.url, status: reply.statusCode })
    )

    scope.setErrorHandler(async (cause, request, reply) => {
      const refusal = limited(refusalOf(cause), addressOf(request))
      const line = { route: route.url, status: refusal.status, reason: printable(refusal.message, 200) }
      if (refusal.status >= 500 && !(cause instanceof Refusal))
        request.log.error({ ...line, err: cause }, 'an inbound request failed')
      else request.log.warn(line, 'an inbound request was refused')
      if (refusal.status === 429) reply.header('retry-after', Math.ceil(failures.lockedFor(addressOf(request)) / 1000))
      if (refusal.status === 503) reply.header('retry-after', 60)
      return await reply
        .code(refusal.status)
        .send({ error: { message: refusal.status === 503 ? unavailable(route) : TEXT[refusal.status] } })
    })

    scope.post(route.url, {
      config: { auth: 'none' },
      // Some platforms put their token into the query, and a host's request log has the whole URL.
      logSerializers: {
        req: ({ method, url, ip }: FastifyRequest) => ({
          method,
          path: masked(url.split('?', 1)[0]!, { masker: app.configStore.masker, limit: 200 }),
          remoteAddress: ip
        })
      },
      bodyLimit: route.maxBytes ?? MiB,
      async handler(request, reply) {
        const asked = { ...seen(request), body: bytesOf(request.body) }
        const handle = () => route.handle(asked)
        const {
          status,
          body,
          headers = {}
        } = await app.hooks.run('channel.request', { route: route.url, headers: request.headers }, handle)
        return await answer(reply.headers(headers).code(status), body)
      }
    })
  })
}

function seen(request: FastifyRequest): Omit<InboundRequest, 'body'> {
  const { params, headers, log, url } = request
  const at = url.indexOf('?')
  return { params: params as Record<string, string>, headers, log, query: new URLSearchParams(at < 0 ? '' : url.slice(at + 1)) }
}

/** Compares two secrets in constant time. An empty secret equals none. */
export function sameSecret(given: string, secret: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(secret)) && secret !== ''
}

/** A missing body is an empty one. */
function bytesOf(body: unknown): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.alloc(0)
}

async function answer(reply: FastifyReply, body: object | string | undefined): Promise<FastifyReply> {
  if (body === undefined) return await reply.send()
  return typeof body === 'string' ? await reply.type('text/plain; charset=utf-8').send(body) : await reply.send(body)
}

function unavailable({ missing }: InboundRoute): string {
  const keys = missing()
  return keys.length > 0 ? `Not configured: set ${keys.join(', ')}` : TEXT[503]
}

function refusalOf(cause: unknown): Refusal {
  if (cause instanceof Refusal) return cause
  const { statusCode = 500, message } = cause as { statusCode?: number; message: string }
  // A channel could not parse the body.
  if (cause instanceof SyntaxError) return new Refusal(400, 'no JSON', { cause })
  if (statusCode === 413 || statusCode === 415) return new Refusal(statusCode, message, { cause })
  // A message that the agent cannot take is malformed. One that could not be stored is worth another try.
  return new Refusal(statusCode < 500 ? 400 : 503, message, { cause })
}

function addressOf(request: FastifyRequest): string {
  return bucketOf(request.ip) ?? 'unknown'
}
