import { Readable } from 'node:stream'
import { type TSchema, Type } from '@sinclair/typebox'
import type { FastifyReply, FastifyRequest, FastifySchema } from 'fastify'
import { MAX_IN_FLIGHT } from '../../rpc/connection.ts'
import type { Origin } from '../../rpc/define.ts'
import { RpcError, toRpcError } from '../../rpc/errors.ts'
import { errorFrame, eventFrame, readRequest, resultFrame, unreadableFrame } from '../../rpc/frames.ts'
import { parseJson } from '../../rpc/json.ts'
import { Failure } from '../../rpc/schemas/failure.ts'
import { HOPELESS_FACTOR, SLOW_FACTOR, STALL_MS } from '../../rpc/send-buffer.ts'
import { type AnyMethod, type Context, gatewayPlugin } from '../define.ts'

const NDJSON = 'application/x-ndjson'
/** Silence of a stream after which a blank line is sent. */
const KEEPALIVE_MS = 15_000
/** Time in which a call is refused if it is: scope, params, a full queue. */
const REFUSAL_MS = 250

/** Gives every method an HTTP route, `POST /rpc/<name>`, with the same schemas. */
export default gatewayPlugin({ name: 'rpc-http', dependencies: ['hooks', 'rpc', 'config', 'auth', 'documents'] }, async (app) => {
  const { rpc } = app
  /** Requests in progress, with the ids of their callers. */
  const inProgress = new Map<AbortController, string>()
  app.auth.onRevoked((revoked) => {
    for (const [gone, callerId] of inProgress) if (revoked(callerId)) gone.abort(credentialRevoked())
  })
  // The same parser as for the socket's frames: the same limits, the same errors.
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser('application/json', { parseAs: 'string' }, async (_request: FastifyRequest, body: string) =>
    body === '' ? undefined : parseJson(body)
  )

  // An unknown method gets the protocol's own error, after authentication.
  app.post('/rpc/*', { schema: { hide: true } as FastifySchema }, async (request: FastifyRequest, reply) =>
    rpc.call((request.params as { '*': string })['*'], undefined, contextOf(request, reply))
  )
  // One JSON-RPC 2.0 endpoint for all methods, with batches and notifications.
  app.post('/rpc', {
    schema: { hide: true } as FastifySchema,
    bodyLimit: app.config.server.maxPayloadBytes,
    errorHandler: (cause, _request, reply) => {
      const error = toRpcError(cause)
      return reply
        .code(error.statusCode)
        .type('application/json')
        .send(unreadableFrame({ dialect: '2.0', id: null, error }))
    },
    async handler(request: FastifyRequest, reply) {
      const { body } = request
      request.body = undefined
      const ctx = contextOf(request, reply)
      reply.type('application/json')
      if (!Array.isArray(body)) {
        const answer = await answerTo(body, ctx)
        return answer === undefined ? reply.code(204).send() : reply.send(answer)
      }
      if (body.length === 0 || body.length > MAX_IN_FLIGHT) {
        throw new RpcError(
          'InvalidRequest',
          `Invalid request: a batch holds 1 to ${MAX_IN_FLIGHT} requests, this one ${body.length}`
        )
      }
      const answers = (await Promise.all(body.map((item) => answerTo(item, ctx)))).filter((answer) => answer !== undefined)
      return answers.length === 0 ? reply.code(204).send() : reply.send(`[${answers.join(',')}]`)
    }
  })
  rpc.onMethod(expose)

  /** Frame that answers one request of JSON-RPC 2.0; undefined for a notification. */
  async function answerTo(item: unknown, ctx: Context): Promise<string | undefined> {
    const read = readRequest(item)
    if ('error' in read) return unreadableFrame({ ...read, dialect: '2.0' })
    const { dialect, id, method, params } = read
    if (dialect !== '2.0') {
      return unreadableFrame({
        dialect: '2.0',
        id: null,
        error: new RpcError('InvalidRequest', 'Invalid request: jsonrpc must be "2.0"')
      })
    }
    try {
      const result = rpc.encode(method, await rpc.call(method, params, ctx))
      return id === undefined ? undefined : resultFrame('2.0', id, result)
    } catch (cause) {
      if (!(cause instanceof RpcError)) ctx.log.error({ err: cause, method }, 'a method failed')
      return id === undefined ? undefined : errorFrame('2.0', id, toRpcError(cause))
    }
  }

  /** Releases the body: a message with attachments must not stay in memory until its answer. */
  function call(name: string, request: FastifyRequest, ctx: Context): unknown {
    const { body } = request
    request.body = undefined
    return rpc.call(name, body, ctx)
  }

  function expose(method: AnyMethod): void {
    const { name, summary, params, result } = method
    // Everything except the body is for the documents of a host.
    const schema: FastifySchema & Record<string, unknown> = {
      operationId: name,
      summary,
      tags: [name.slice(0, name.indexOf('.'))],
      body: params,
      response: { 200: Type.Object({ result: result as TSchema }), '4xx': Failure, '5xx': Failure }
    }
    app.route({
      method: 'POST',
      url: `/rpc/${name}`,
      bodyLimit: app.config.server.maxPayloadBytes,
      schema,
      // The registry authorises before it validates, and encodes by the result's schema: here nothing is left to do.
      validatorCompiler: () => () => true,
      serializerCompiler: () => JSON.stringify,
      async handler(request, reply) {
        const ctx = contextOf(request, reply)
        if (method.events && request.headers.accept?.includes(NDJSON)) return stream(method, request, reply, ctx)
        const answer = await call(name, request, ctx)
        return reply.type('application/json').send(`{"result":${rpc.encode(name, answer)}}`)
      }
    })
  }

  /**
   * Events as they come, then the result or error: one frame of the socket's protocol a line, with the id null.
   * A refusal before the first event still has its own status. As on the socket, a burst is not held
   * against a reader; one that is far behind and reads nothing for two seconds is cut off.
   */
  async function stream({ name }: AnyMethod, request: FastifyRequest, reply: FastifyReply, ctx: Context): Promise<FastifyReply> {
    const { sendBufferBytes } = app.config.server
    const owedTooMuch = (times: number): boolean => lines.readableLength > sendBufferBytes * times
    const cutOff = (): void => {
      if (lines.destroyed) return
      app.hooks.emit('connection.slow', { transport: 'http' })
      lines.destroy(new Error('slow consumer'))
    }
    const lines = new Readable({ read() {} })
    const begun = Promise.withResolvers<void>()
    let streaming = false
    let watched = false
    const watch = (): void => {
      watched = true
      const { bytesWritten } = request.raw.socket
      setTimeout(() => {
        watched = false
        if (lines.destroyed || !owedTooMuch(SLOW_FACTOR)) return
        if (request.raw.socket.bytesWritten === bytesWritten) cutOff()
        else watch()
      }, STALL_MS).unref()
    }
    const push = (frame: string): void => {
      streaming = true
      begun.resolve()
      if (!lines.destroyed) lines.push(`${frame}\n`)
      if (owedTooMuch(HOPELESS_FACTOR)) cutOff()
      else if (owedTooMuch(SLOW_FACTOR) && !watched) watch()
    }
    // A blank line between two frames. A proxy ends a response that is silent, after 60 seconds in nginx.
    const blank = (): void => {
      if (!lines.destroyed) lines.push('\n')
    }
    const keepalive = setInterval(blank, KEEPALIVE_MS).unref()
    const emit = (event: string, data: unknown, origin: Origin): void =>
      push(eventFrame('native', { id: null, event, data, origin }))
    const answer = (async () => rpc.encode(name, await call(name, request, { ...ctx, emit })))()
    answer
      .then(
        (result) => push(resultFrame('native', null, result)),
        (cause) => {
          if (!streaming) return begun.reject(cause)
          if (!(cause instanceof RpcError)) request.log.error({ err: cause, method: name }, 'a method failed')
          push(errorFrame('native', null, toRpcError(cause)))
        }
      )
      .finally(() => {
        clearInterval(keepalive)
        lines.push(null)
      })
    // A refusal has a status of its own; whatever takes longer gets its headers now, so that no proxy gives up.
    const patience = setTimeout(begun.resolve, REFUSAL_MS)
    await begun.promise.finally(() => clearTimeout(patience))
    streaming = true
    if (lines.readableLength === 0) blank()
    reply.raw.once('close', () => clearInterval(keepalive))
    return reply.type(NDJSON).header('cache-control', 'no-store').header('x-accel-buffering', 'no').send(lines)
  }

  /** The context of a call over HTTP: no connection, and events only for a streaming request. */
  function contextOf(request: FastifyRequest, reply: FastifyReply): Context {
    const caller = app.auth.require(request)
    const gone = new AbortController()
    inProgress.set(gone, caller.id)
    reply.raw.once('close', () => {
      inProgress.delete(gone)
      gone.abort()
    })
    return {
      app,
      caller,
      connection: undefined,
      log: request.log,
      signal: gone.signal,
      traceparent: request.headers.traceparent as string | undefined,
      emit: () => {}
    }
  }
})

function credentialRevoked(): RpcError {
  const reason = 'credential revoked'
  return new RpcError('RequestCancelled', `Request cancelled: ${reason}`, { data: { reason } })
}
