import { Type } from '@sinclair/typebox'
import { invalidParams } from '../../rpc/errors.ts'
import { defineMethod } from '../define.ts'
import type { Access } from './codes.ts'
import { AccessLevel, Channel, Code, GeneratedCode, OpenCode, Paired, RequestEntry, SenderId } from './schema.ts'

const REQUEST_LIMIT = 100

/** Senders in one answer. */
const LIST_LIMIT = 500

export const generate = defineMethod({
  name: 'pairing.generate',
  summary: 'Generate a pairing code for unknown senders',
  scope: 'operate',
  params: Type.Object(
    { channel: Channel, access: Type.Optional(Type.Unsafe<Access>({ ...AccessLevel, default: 'guest' })) },
    { additionalProperties: false }
  ),
  result: GeneratedCode,
  examples: [{ params: { channel: 'telegram' }, result: { code: 'ABC123', expiresAt: '2025-02-13T12:05:00Z' } }],
  handler({ channel, access }, { app, caller }) {
    const { code, expiresAt } = app.pairing.generate(channel, caller.id, access)
    return { code, expiresAt: iso(expiresAt) }
  }
})

export const list = defineMethod({
  name: 'pairing.list',
  summary: 'List open pairing codes and paired senders',
  scope: 'operate',
  params: Type.Object({ channel: Type.Optional(Channel) }, { additionalProperties: false }),
  result: Type.Object({
    codes: Type.Array(OpenCode, { description: 'Oldest first' }),
    senders: Type.Optional(Type.Array(Paired, { description: `Newest first; at most ${LIST_LIMIT}` }))
  }),
  examples: [
    {
      params: {},
      result: {
        codes: [
          {
            code: 'ABC123',
            channel: 'telegram',
            access: 'guest',
            createdAt: '2025-02-13T12:00:00Z',
            expiresAt: '2025-02-13T12:05:00Z'
          }
        ]
      }
    }
  ],
  async handler({ channel }, { app }) {
    const senders = await app.pairing.senders({ channel, limit: LIST_LIMIT })
    return {
      codes: app.pairing.codes(channel).map(({ code, channel, access, createdAt, expiresAt }) => ({
        code,
        channel,
        access,
        createdAt: iso(createdAt),
        expiresAt: iso(expiresAt)
      })),
      senders: senders.map(({ pairedAt, ...sender }) => ({ ...sender, pairedAt: iso(pairedAt) }))
    }
  }
})

export const redeem = defineMethod({
  name: 'pairing.redeem',
  summary: 'Pair a sender with a pairing code (extension)',
  extension: true,
  scope: 'operate',
  params: Type.Object(
    {
      code: Code,
      senderId: SenderId,
      channel: Type.Optional(
        Type.Unsafe<string>({
          ...Channel,
          description: 'Channel of the sender. A code counts on its own channel only. Default: the channel of the code'
        })
      )
    },
    { additionalProperties: false }
  ),
  result: Paired,
  examples: [
    {
      params: { code: 'ABC123', senderId: '123456' },
      result: { channel: 'telegram', senderId: '123456', access: 'guest', pairedAt: '2025-02-13T12:01:00Z' }
    }
  ],
  async handler(params, { app, caller }) {
    const { pairedAt, ...sender } = await app.pairing.redeem({ ...params, actor: caller.id })
    return { ...sender, pairedAt: iso(pairedAt) }
  }
})

export const revoke = defineMethod({
  name: 'pairing.revoke',
  summary: 'Remove an open pairing code or a paired sender (extension)',
  extension: true,
  scope: 'operate',
  params: Type.Object(
    {
      code: Type.Optional(Type.Unsafe<string>({ ...Code, description: 'An open code' })),
      channel: Type.Optional(Channel),
      senderId: Type.Optional(SenderId)
    },
    { additionalProperties: false }
  ),
  result: Type.Object({ revoked: Type.Boolean({ description: 'False: the code was not open, or the sender was not paired' }) }),
  examples: [{ params: { channel: 'telegram', senderId: '123456' }, result: { revoked: true } }],
  async handler({ code, channel, senderId }, { app, caller }) {
    if (code !== undefined && channel === undefined && senderId === undefined) {
      return { revoked: app.pairing.revokeCode(code, caller.id) }
    }
    if (code === undefined && channel !== undefined && senderId !== undefined) {
      return { revoked: await app.pairing.revokeSender(channel, senderId, caller.id) }
    }
    throw invalidParams([{ path: 'params', message: 'must have either a code, or a channel and a senderId' }])
  }
})

export const requests = defineMethod({
  name: 'pairing.requests',
  summary: 'List unknown senders who have written, newest first. None of their messages reached the agent (extension)',
  extension: true,
  scope: 'operate',
  params: Type.Object(
    {
      channel: Type.Optional(Channel),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: REQUEST_LIMIT }))
    },
    { additionalProperties: false }
  ),
  result: Type.Object({
    requests: Type.Array(RequestEntry),
    total: Type.Integer({ minimum: 0, description: 'Number of all remembered ones; they are forgotten with the process' })
  }),
  examples: [
    {
      params: {},
      result: {
        requests: [
          {
            channel: 'telegram',
            senderId: '123456',
            senderName: 'Bob',
            count: 2,
            firstAt: '2025-02-13T12:00:00Z',
            lastAt: '2025-02-13T12:01:00Z'
          }
        ],
        total: 1
      }
    }
  ],
  handler({ channel, limit = REQUEST_LIMIT }, { app }) {
    const all = app.pairing.requests.list(channel)
    const shown = all
      .slice(0, limit)
      .map(({ firstAt, lastAt, ...rest }) => ({ ...rest, firstAt: iso(firstAt), lastAt: iso(lastAt) }))
    return { requests: shown, total: all.length }
  }
})

export const approve = defineMethod({
  name: 'pairing.approve',
  summary: 'Pair a sender without a code, such as one of pairing.requests (extension)',
  extension: true,
  scope: 'operate',
  params: Type.Object(
    { channel: Channel, senderId: SenderId, access: Type.Optional(Type.Unsafe<Access>({ ...AccessLevel, default: 'guest' })) },
    { additionalProperties: false }
  ),
  result: Paired,
  examples: [
    {
      params: { channel: 'telegram', senderId: '123456' },
      result: { channel: 'telegram', senderId: '123456', access: 'guest', pairedAt: '2025-02-13T12:01:00Z' }
    }
  ],
  async handler({ channel, senderId, access = 'guest' }, { app, caller }) {
    const { pairedAt, ...sender } = await app.pairing.approve({ channel, senderId, access }, caller.id)
    return { ...sender, pairedAt: iso(pairedAt) }
  }
})

export const dismiss = defineMethod({
  name: 'pairing.dismiss',
  summary: 'Forget the request of an unknown sender, until it writes again (extension)',
  extension: true,
  scope: 'operate',
  params: Type.Object({ channel: Channel, senderId: SenderId }, { additionalProperties: false }),
  result: Type.Object({ dismissed: Type.Boolean({ description: 'False: there was no such request' }) }),
  examples: [{ params: { channel: 'telegram', senderId: '123456' }, result: { dismissed: true } }],
  handler({ channel, senderId }, { app, caller }) {
    const dismissed = app.pairing.requests.remove(channel, senderId)
    if (dismissed) app.audit.record('pairing.dismiss', caller.id, { channel, senderId })
    return { dismissed }
  }
})

/** As the specification shows it, in whole seconds. */
function iso(time: number): string {
  return new Date(time).toISOString().replace(/\.\d+Z$/, 'Z')
}
