import { Type } from '@sinclair/typebox'
import { named } from '../../rpc/named.ts'

export const Channel = named(
  'Channel',
  Type.String({
    pattern: '^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$',
    description: 'Where senders come from: the part of a session id before its colon',
    expected: 'a name of 1 to 64 letters, digits and . _ @ -'
  })
)

export const SenderId = named(
  'SenderId',
  Type.String({
    minLength: 1,
    maxLength: 256,
    pattern: String.raw`^(?:[^\u0000-\u001f\u007f-\u009f\u2028\u2029\ud800-\udfff]|[\ud800-\udbff][\udc00-\udfff])+$`,
    description: 'As the channel tells its senders apart',
    expected: 'a string of 1 to 256 characters, none of them control characters'
  })
)

/** As somebody has typed it: upper and lower case, spaces and hyphens make no difference. */
export const Code = Type.String({ minLength: 1, maxLength: 64 })

const time = (description: string) => Type.String({ description: `${description}; ISO 8601, UTC` })

/** A code that has just been made. */
export const GeneratedCode = named(
  'GeneratedCode',
  Type.Object({
    code: Type.String({ description: 'Six letters and digits that are not taken for each other; lets one sender in' }),
    expiresAt: time('From then on it is worth nothing')
  })
)

/** A code that can still be used. */
export const OpenCode = named(
  'OpenCode',
  Type.Object({
    code: Type.String(),
    channel: Type.String(),
    createdAt: time('When it was made'),
    expiresAt: time('From then on it is worth nothing')
  })
)

/** Somebody who was let in. */
export const Paired = named(
  'Paired',
  Type.Object({
    channel: Type.String(),
    senderId: Type.String(),
    pairedAt: time('When they were let in')
  })
)
