import { Type } from '@sinclair/typebox'
import { named } from '../../rpc/named.ts'

export const Channel = named(
  'Channel',
  Type.String({
    pattern: '^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$',
    description: 'Name of the channel: the part of a session id before its colon',
    expected: 'a name of 1 to 64 letters, digits and . _ @ -'
  })
)

export const SenderId = named(
  'SenderId',
  Type.String({
    minLength: 1,
    maxLength: 256,
    pattern: String.raw`^(?:[^\u0000-\u001f\u007f-\u009f\u2028\u2029\ud800-\udfff]|[\ud800-\udbff][\udc00-\udfff])+$`,
    description: 'Id of the sender on its channel',
    expected: 'a string of 1 to 256 characters, none of them control characters'
  })
)

/** Upper and lower case, spaces and hyphens make no difference. */
export const Code = Type.String({ minLength: 1, maxLength: 64 })

export const AccessLevel = Type.Union([Type.Literal('guest'), Type.Literal('owner')], {
  description: 'owner: shares memory and tools with the operator. guest: has memory of its own and the tools of tools.guests'
})

const time = (description: string) => Type.String({ description: `${description}; ISO 8601, UTC` })

/** A code that has just been made. */
export const GeneratedCode = named(
  'GeneratedCode',
  Type.Object({
    code: Type.String({ description: 'Six letters and digits that are hard to confuse. Pairs one sender' }),
    expiresAt: time('End of its validity')
  })
)

/** A code that can still be used. */
export const OpenCode = named(
  'OpenCode',
  Type.Object({
    code: Type.String(),
    channel: Type.String(),
    access: AccessLevel,
    createdAt: time('Creation'),
    expiresAt: time('End of its validity')
  })
)

/** A paired sender. */
export const Paired = named(
  'Paired',
  Type.Object({
    channel: Type.String(),
    senderId: Type.String(),
    access: AccessLevel,
    pairedAt: time('Pairing')
  })
)

/** An unknown sender who has written. */
export const RequestEntry = named(
  'RequestEntry',
  Type.Object({
    channel: Type.String(),
    senderId: Type.String(),
    senderName: Type.Union([Type.String(), Type.Null()], { description: 'Name on the channel, in its own words' }),
    count: Type.Integer({ minimum: 1, description: 'Messages' }),
    firstAt: time('First message'),
    lastAt: time('Last message')
  })
)
