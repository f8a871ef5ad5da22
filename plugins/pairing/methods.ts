import { Type } from '@sinclair/typebox'
import { invalidParams } from '../../rpc/errors.ts'
import { defineMethod } from '../define.ts'
import { Channel, Code, GeneratedCode, OpenCode, Paired, SenderId } from './schema.ts'

/** Senders in one answer. */
const LIST_LIMIT = 500

export const generate = defineMethod({
  name: 'pairing.generate',
  summary: 'Generate a pairing code for unknown senders',
  scope: 'operate',
  params: Type.Object({ channel: Channel }, { additionalProperties: false }),
  result: GeneratedCode,
  examples: [{ params: { channel: 'telegram' }, result: { code: 'ABC123', expiresAt: '2025-02-13T12:05:00Z' } }],
  handler({ channel }, { app, caller }) {
    const { code, expiresAt } = app.pairing.generate(channel, caller.id)
    return { code, expiresAt: iso(expiresAt) }
  }
})

export const list = defineMethod({
  name: 'pairing.list',
  summary: 'List the pairing codes that can be used, and who was let in',
  scope: 'operate',
  params: Type.Object({ channel: Type.Optional(Channel) }, { additionalProperties: false }),
  result: Type.Object({
    codes: Type.Array(OpenCode, { description: 'Oldest first' }),
    senders: Type.Optional(Type.Array(Paired, { description: `Whoever was let in last comes first; at most ${LIST_LIMIT}` }))
  }),
  examples: [
    {
      params: {},
      result: {
        codes: [{ code: 'ABC123', channel: 'telegram', createdAt: '2025-02-13T12:00:00Z', expiresAt: '2025-02-13T12:05:00Z' }]
      }
    }
  ],
  async handler({ channel }, { app }) {
    const senders = await app.pairing.senders({ channel, limit: LIST_LIMIT })
    return {
      codes: app.pairing.codes(channel).map(({ code, channel, createdAt, expiresAt }) => ({
        code,
        channel,
        createdAt: iso(createdAt),
        expiresAt: iso(expiresAt)
      })),
      senders: senders.map(({ channel, senderId, pairedAt }) => ({ channel, senderId, pairedAt: iso(pairedAt) }))
    }
  }
})

export const redeem = defineMethod({
  name: 'pairing.redeem',
  summary: 'Let a sender in who knows a pairing code (extension)',
  extension: true,
  scope: 'operate',
  params: Type.Object(
    {
      code: Code,
      senderId: SenderId,
      channel: Type.Optional(
        Type.Unsafe<string>({
          ...Channel,
          description: 'Where the sender is; a code is good on its own channel only. Default: there'
        })
      )
    },
    { additionalProperties: false }
  ),
  result: Paired,
  examples: [
    {
      params: { code: 'ABC123', senderId: '123456' },
      result: { channel: 'telegram', senderId: '123456', pairedAt: '2025-02-13T12:01:00Z' }
    }
  ],
  async handler(params, { app, caller }) {
    const { channel, senderId, pairedAt } = await app.pairing.redeem({ ...params, actor: caller.id })
    return { channel, senderId, pairedAt: iso(pairedAt) }
  }
})

export const revoke = defineMethod({
  name: 'pairing.revoke',
  summary: 'Take back a pairing code, or shut a sender out again (extension)',
  extension: true,
  scope: 'operate',
  params: Type.Object(
    {
      code: Type.Optional(Type.Unsafe<string>({ ...Code, description: 'A code that can still be used' })),
      channel: Type.Optional(Channel),
      senderId: Type.Optional(SenderId)
    },
    { additionalProperties: false }
  ),
  result: Type.Object({ revoked: Type.Boolean({ description: 'False: there is no such code, or the sender was not in' }) }),
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

/** As the specification shows it, in whole seconds. */
function iso(time: number): string {
  return new Date(time).toISOString().replace(/\.\d+Z$/, 'Z')
}
