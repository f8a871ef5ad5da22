import { Type } from '@sinclair/typebox'
import { gatewayPlugin } from '../plugins/define.ts'

/** Documents that describe the gateway to programs, by path. */
const DOCUMENTS = {
  openrpc: 'Every method, as an OpenRPC document: what `rpc.discover` answers',
  openapi: 'Every method and route over HTTP, as an OpenAPI document',
  asyncapi: 'The socket, as an AsyncAPI document'
} as const

/** `GET /openrpc.json`, `/openapi.json` and `/asyncapi.json`, for those who read before they connect. */
export default gatewayPlugin({ name: 'document-routes', dependencies: ['documents'], share: false }, async (app) => {
  for (const [name, summary] of Object.entries(DOCUMENTS) as [keyof typeof DOCUMENTS, string][]) {
    app.get(`/${name}.json`, {
      config: { auth: 'http' },
      schema: {
        summary,
        tags: ['documents'],
        response: {
          200: Type.Object({}, { additionalProperties: true, description: 'The document' }),
          304: Type.Null({ description: 'The one that `If-None-Match` names is still current' })
        }
      },
      // It is text already.
      serializerCompiler: () => (value) => value,
      async handler(request, reply) {
        const { text, etag } = app.documents.get(name)
        reply.header('etag', etag).header('cache-control', 'no-cache')
        if (names(request.headers['if-none-match'], etag)) return reply.code(304).send(null)
        return reply.type('application/json; charset=utf-8').send(text)
      }
    })
  }
})

/** True if an `If-None-Match` names this tag, also in the weak form that a proxy makes of it (RFC 9110, 13.1.2). */
function names(header: string | undefined, etag: string): boolean {
  return (
    header !== undefined && (header.trim() === '*' || header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag))
  )
}
