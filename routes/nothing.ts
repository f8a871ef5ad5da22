import type { FastifyReply, FastifyRequest } from 'fastify'
import { RpcError } from '../rpc/errors.ts'
import { printable } from '../security/sanitize.ts'

/** Answer for unknown routes, in the form of the protocol. The path comes from the client. */
export function nothingHere({ method, url }: FastifyRequest, reply: FastifyReply): FastifyReply {
  const path = printable(url.split('?', 1)[0]!, 100)
  const error = new RpcError('MethodNotFound', `Nothing here: ${method} ${path}`)
  return reply.code(error.statusCode).send({ error })
}
