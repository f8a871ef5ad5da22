import { Readable } from 'node:stream'
import { type TSchema, Type } from '@sinclair/typebox'
import type { FastifyReply, FastifyRequest, FastifySchema } from 'fastify'
import type { Origin } from '../../rpc/define.ts'
import { RpcError, toRpcError } from '../../rpc/errors.ts'
import { errorFrame, eventFrame, resultFrame } from '../../rpc/frames.ts'
import { parseJson } from '../../rpc/json.ts'
import { Failure } from '../../rpc/schemas/failure.ts'
import { HOPELESS_FACTOR, SLOW_FACTOR, STALL_MS } from '../../rpc/send-buffer.ts'
import { type AnyMethod, type Context, gatewayPlugin } from '../define.ts'

const NDJSON = 'application/x-ndjson'

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
  rpc.onMethod(expose)

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
      .finally(() => lines.push(null))
    await begun.promise
    return reply.type(NDJSON).header('cache-control', 'no-store').send(lines)
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
