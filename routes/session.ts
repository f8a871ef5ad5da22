import { Type } from '@sinclair/typebox'
import { gatewayPlugin } from '../plugins/define.ts'
import { Failure } from '../rpc/schemas/failure.ts'

const SignIn = Type.Object(
  { token: Type.String({ minLength: 1, maxLength: 4096, description: 'One of the tokens of the gateway' }) },
  { additionalProperties: false }
)

/** `POST /auth/session`: a browser trades the token for a cookie that scripts cannot read. `DELETE`: it signs out. */
export default gatewayPlugin({ name: 'session', dependencies: ['auth'], share: false }, async (app) => {
  app.post('/auth/session', {
    config: { auth: 'optional' },
    bodyLimit: 16 * 1024,
    schema: {
      summary: 'Sign in: sets the session cookie',
      tags: ['auth'],
      body: SignIn,
      response: { 204: Type.Null({ description: 'The cookie is set' }), 401: Failure, '4xx': Failure }
    },
    async handler(request, reply) {
      app.auth.signIn(request, reply, request.body.token)
      return reply.header('cache-control', 'no-store').code(204).send(null)
    }
  })

  app.delete('/auth/session', {
    config: { auth: 'optional' },
    schema: {
      summary: 'Sign out: ends the login on the server, closes its connections, and removes the session cookie',
      tags: ['auth'],
      response: { 204: Type.Null({ description: 'The cookie is gone' }), '4xx': Failure }
    },
    async handler(request, reply) {
      await app.auth.signOut(request, reply)
      return reply.header('cache-control', 'no-store').code(204).send(null)
    }
  })
})
