import { Type } from '@sinclair/typebox'
import { gatewayPlugin } from '../plugins/define.ts'
import { Failure } from '../rpc/schemas/failure.ts'

const Code = Type.Object(
  { code: Type.String({ minLength: 1, maxLength: 128, description: 'Of auth.createCode' }) },
  { additionalProperties: false }
)

/** `POST /auth/code`: a further device trades a one-time code for a cookie. */
export default gatewayPlugin({ name: 'login-code', dependencies: ['auth', 'logins'], share: false }, async (app) => {
  app.post('/auth/code', {
    config: { auth: 'optional' },
    bodyLimit: 16 * 1024,
    schema: {
      summary: 'Sign in with the one-time code of auth.createCode: sets the session cookie',
      tags: ['auth'],
      body: Code,
      response: { 204: Type.Null({ description: 'The cookie is set' }), 401: Failure, '4xx': Failure }
    },
    async handler(request, reply) {
      const caller = app.logins.redeem(request.body.code)
      if (caller === undefined) return app.auth.refuseCode(request, reply)
      app.auth.signInAs(request, reply, caller)
      return reply.header('cache-control', 'no-store').code(204).send(null)
    }
  })
})
