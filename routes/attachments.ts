import type { Readable } from 'node:stream'
import { Type } from '@sinclair/typebox'
import { gatewayPlugin } from '../plugins/define.ts'
import { RpcError } from '../rpc/errors.ts'
import { allows, denied } from '../rpc/registry.ts'
import { Attachment, MAX_ATTACHMENT_BYTES } from '../rpc/schemas/agent.ts'
import { Failure } from '../rpc/schemas/failure.ts'
import { rangeOf } from './range.ts'

/** Types that a browser shows and does not run. */
const SHOWN =
  /^(?:image\/(?:png|jpeg|gif|webp|avif|bmp)|audio\/[a-z0-9.+-]+|video\/[a-z0-9.+-]+|application\/pdf|text\/plain)(?:;|$)/i
const OTHER = 'application/octet-stream'
/** The file may do nothing, whatever it is. */
const POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; media-src 'self'; img-src 'self'"

const Id = Type.Object({ id: Type.String({ minLength: 1, maxLength: 64 }) })
const Query = Type.Object({ filename: Type.Optional(Attachment.properties.filename) }, { additionalProperties: false })
const Uploaded = Type.Object({
  id: Type.String({ description: 'For `attachmentIds` of agent.send, within an hour' }),
  mimeType: Type.String(),
  filename: Type.Optional(Type.String()),
  bytes: Type.Integer()
})

const MIME = new RegExp(Attachment.properties.mimeType.pattern!)

/** `/attachments`: files, streamed in and out. */
export default gatewayPlugin({ name: 'attachment-routes', dependencies: ['auth', 'attachments'], share: false }, async (app) => {
  // The body is a stream: nothing of it is read before the route does.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))

  app.post('/attachments', {
    schema: {
      summary: 'Upload one file for a message: its bytes, with its type as Content-Type',
      consumes: ['application/octet-stream'],
      querystring: Query,
      response: { 201: Uploaded, '4xx': Failure, '5xx': Failure }
    } as object,
    async handler(request, reply) {
      const caller = app.auth.require(request)
      if (!allows(caller, 'write')) throw denied('POST /attachments', 'write')
      const mimeType = request.headers['content-type'] ?? ''
      if (!MIME.test(mimeType) || mimeType.length > 127) {
        throw new RpcError('InvalidRequest', 'content-type must be a MIME type such as image/png')
      }
      if (Number(request.headers['content-length'] ?? 0) > MAX_ATTACHMENT_BYTES) {
        throw new RpcError('InvalidRequest', `The file is larger than ${MAX_ATTACHMENT_BYTES} bytes`, { statusCode: 413 })
      }
      const { filename } = request.query as { filename?: string }
      const file = { owner: caller.id, mimeType, ...(filename === undefined ? {} : { filename }) }
      const { owner: _, createdAt: __, ...shown } = await app.attachments.uploads.save(request.body as Readable, file)
      return reply.code(201).send(shown)
    }
  })

  app.get('/attachments/:id', {
    schema: { summary: 'A file of a message, or an upload of your own', params: Id, response: { '4xx': Failure } } as object,
    async handler(request, reply) {
      const caller = app.auth.require(request)
      const { id } = request.params as { id: string }
      const file = await app.attachments.find(id, caller)
      if (file === undefined) throw new RpcError('InvalidRequest', 'There is no such attachment', { statusCode: 404 })
      const etag = `"${id}"`
      reply.headers({
        etag,
        'cache-control': 'private, no-cache',
        'accept-ranges': 'bytes',
        'content-security-policy': POLICY,
        'cross-origin-resource-policy': 'same-origin',
        'x-content-type-options': 'nosniff'
      })
      // What an id names never changes.
      if (request.headers['if-none-match'] === etag) return reply.code(304).send()
      const range = rangeOf(request.headers.range, file.bytes)
      if (range === 'unsatisfiable') {
        reply.header('content-range', `bytes */${file.bytes}`)
        throw new RpcError('InvalidRequest', 'The range begins behind the end of the file', { statusCode: 416 })
      }
      const { start, end } = range.range
      const isShown = SHOWN.test(file.mimeType)
      reply.headers({
        'content-type': isShown ? typeOf(file.mimeType) : OTHER,
        'content-length': end + 1 - start,
        'content-disposition': disposition(isShown ? 'inline' : 'attachment', file.filename)
      })
      if (range.partial) reply.code(206).header('content-range', `bytes ${start}-${end}/${file.bytes}`)
      return reply.send(file.bytes === 0 ? '' : file.read(range.range))
    }
  })
})

/** Text without a charset is shown in the one of the browser. */
function typeOf(mimeType: string): string {
  return mimeType.toLowerCase() === 'text/plain' ? 'text/plain; charset=utf-8' : mimeType
}

/** RFC 6266, 4.3, with the name as RFC 8187 encodes it: header values hold no other characters than ASCII. */
function disposition(how: 'inline' | 'attachment', filename: string | undefined): string {
  if (filename === undefined) return how
  const encoded = encodeURIComponent(filename.toWellFormed()).replace(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`
  )
  return `${how}; filename*=UTF-8''${encoded}`
}
