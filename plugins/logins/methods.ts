import { Type } from '@sinclair/typebox'
import { RpcError } from '../../rpc/errors.ts'
import { NoParams, Success } from '../../rpc/schemas/simple.ts'
import { defineMethod } from '../define.ts'
import { ConnectionEntry, LoginEntry } from './schema.ts'

const LIST_LIMIT = 100

const EXAMPLE_LOGIN = 'q3lSPp2vY8m1xk0bT5nR7w'

export const list = defineMethod({
  name: 'auth.logins',
  summary: 'List the signed-in browsers of your own token, or of all with the scope admin (extension)',
  extension: true,
  scope: 'any',
  params: NoParams,
  result: Type.Object({
    logins: Type.Array(LoginEntry, { description: `Used last first; at most ${LIST_LIMIT}` }),
    total: Type.Integer({ minimum: 0 })
  }),
  examples: [
    {
      params: {},
      result: {
        logins: [
          {
            loginId: EXAMPLE_LOGIN,
            token: 'dash',
            issuedAt: 1739448000000,
            lastSeenAt: 1739448300000,
            address: '192.0.2.7',
            userAgent: 'Mozilla/5.0',
            current: true
          }
        ],
        total: 1
      }
    }
  ],
  handler(_params, { app, caller, connection }) {
    const all = app.logins.list(caller)
    const own = app.connections.list().find(({ connectionId }) => connectionId === connection?.id)?.login
    const logins = all.slice(0, LIST_LIMIT).map(({ id, ...login }) => ({ ...login, loginId: id, current: id === own }))
    return { logins, total: all.length }
  }
})

export const revoke = defineMethod({
  name: 'auth.revokeLogin',
  summary: 'Sign a browser out, and close its connections: of your own token, or any with the scope admin (extension)',
  extension: true,
  scope: 'any',
  params: Type.Object(
    { loginId: Type.String({ minLength: 1, maxLength: 64, description: 'loginId of auth.logins' }) },
    { additionalProperties: false }
  ),
  result: Type.Object({ revoked: Type.Boolean({ description: 'False when there is no such login, or it is not yours' }) }),
  examples: [{ params: { loginId: EXAMPLE_LOGIN }, result: { revoked: true } }],
  async handler({ loginId }, { app, caller }) {
    const revoked = await app.logins.end(loginId, caller)
    if (revoked) app.audit.record('auth.revoke', caller.id, { loginId })
    return { revoked }
  }
})

export const revokeAll = defineMethod({
  name: 'auth.revokeLogins',
  summary: 'Sign out every browser of your own token, this one included, and close their connections (extension)',
  extension: true,
  scope: 'any',
  // Required: an action that signs its caller out must not come from an empty call.
  params: Type.Object(
    { all: Type.Literal(true, { description: 'Every login, this one included' }) },
    { additionalProperties: false }
  ),
  result: Type.Object({ revoked: Type.Integer({ minimum: 0, description: 'Number of logins that were listed' }) }),
  examples: [{ params: { all: true }, result: { revoked: 3 } }],
  async handler(_params, { app, caller }) {
    const revoked = await app.logins.revokeAll(caller)
    app.audit.record('auth.revoke', caller.id, { logins: revoked })
    return { revoked }
  }
})

export const createCode = defineMethod({
  name: 'auth.createCode',
  summary: 'Make a code that logs a further device in as you: once, within five minutes (extension)',
  extension: true,
  scope: 'any',
  params: NoParams,
  result: Type.Object({
    code: Type.String({
      description: 'For `POST /auth/code`. It acts as you: show it as a QR code, and send it to no one'
    }),
    expiresAt: Type.Integer({ description: 'Epoch milliseconds' })
  }),
  examples: [{ params: {}, result: { code: 'mF4sVb0G9qkqvT2b0t2nqJ0v0m9m6vXq0dGx5cZ7w1E', expiresAt: 1739448300000 } }],
  handler(_params, { app, caller }) {
    if (!app.auth.hasToken(caller)) {
      throw new RpcError(
        'InvalidRequest',
        'A login code stands for a token, and you have none: open the address of the gateway on the device'
      )
    }
    const made = app.logins.code(caller)
    app.audit.record('auth.code', caller.id)
    return made
  }
})

export const connections = defineMethod({
  name: 'system.connections',
  summary: 'List the live connections, oldest first (extension)',
  extension: true,
  scope: 'operate',
  params: Type.Object(
    {
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: LIST_LIMIT })),
      offset: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, default: 0 }))
    },
    { additionalProperties: false }
  ),
  result: Type.Object({
    connections: Type.Array(ConnectionEntry),
    total: Type.Integer({ minimum: 0, description: 'Number of connections on all pages' })
  }),
  examples: [
    {
      params: { limit: 1 },
      result: {
        connections: [
          {
            connectionId: '0b6f2a1c-5d0e-4c1f-9f43-6a3f5f0f2b11',
            caller: 'token:dash',
            sessionId: 'telegram:123456',
            connectedAt: 1739448000000,
            address: '192.0.2.7',
            userAgent: 'Mozilla/5.0',
            loginId: EXAMPLE_LOGIN,
            owedBytes: 0,
            current: true
          }
        ],
        total: 1
      }
    }
  ],
  handler({ limit = LIST_LIMIT, offset = 0 }, { app, connection }) {
    const all = app.connections.list()
    const shown = all.slice(offset, offset + limit).map(({ login, ...rest }) => ({
      ...rest,
      ...(login === undefined ? {} : { loginId: login }),
      current: rest.connectionId === connection?.id
    }))
    return { connections: shown, total: all.length }
  }
})

export const closeConnection = defineMethod({
  name: 'system.closeConnection',
  summary: 'Close a live connection with 1008. Its runs go on (extension)',
  extension: true,
  scope: 'operate',
  params: Type.Object({ connectionId: Type.String({ minLength: 1, maxLength: 64 }) }, { additionalProperties: false }),
  result: Success,
  examples: [{ params: { connectionId: '0b6f2a1c-5d0e-4c1f-9f43-6a3f5f0f2b11' }, result: { success: true } }],
  handler({ connectionId }, { app, caller }) {
    const success = app.connections.end(({ id }) => id === connectionId, 'closed by an operator') > 0
    if (success) app.audit.record('connection.close', caller.id, { connectionId })
    return { success }
  }
})
