import { Type } from '@sinclair/typebox'
import { gatewayPlugin } from '../plugins/define.ts'
import { RpcError } from '../rpc/errors.ts'
import { allows, denied } from '../rpc/registry.ts'
import { Failure } from '../rpc/schemas/failure.ts'

/** The artifact runs its own scripts and nothing else: no origin, so no cookies and no storage, no network, no forms, no frames. */
const POLICY =
  "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; media-src data: blob:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"

const Place = Type.Object({
  sessionId: Type.String({ minLength: 1, maxLength: 256 }),
  artifactId: Type.String({ minLength: 1, maxLength: 128 })
})

/** `GET /canvas/<session>/<artifact>`: an artifact with `content.html`, for a frame of the page. */
export default gatewayPlugin({ name: 'canvas-routes', dependencies: ['auth', 'canvas'], share: false }, async (app) => {
  app.get('/canvas/:sessionId/:artifactId', {
    schema: {
      summary: 'An HTML artifact of a session, in a sandbox without network, cookies and storage',
      params: Place,
      response: { '4xx': Failure }
    } as object,
    async handler(request, reply) {
      const caller = app.auth.require(request)
      if (!allows(caller, 'read')) throw denied('GET /canvas', 'read')
      const { sessionId, artifactId } = request.params as { sessionId: string; artifactId: string }
      const { content } = await app.canvas.get(sessionId, artifactId)
      if (typeof content.html !== 'string') {
        throw new RpcError('InvalidRequest', 'This artifact has no content.html: canvas.get has its content', { statusCode: 404 })
      }
      return reply
        .headers({
          'content-security-policy': POLICY,
          'cache-control': 'no-store',
          'cross-origin-resource-policy': 'same-origin',
          'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
          'referrer-policy': 'no-referrer',
          'x-content-type-options': 'nosniff'
        })
        .type('text/html; charset=utf-8')
        .send(content.html)
    }
  })
})
