import { type Static, Type } from '@sinclair/typebox'
import { compile } from '../../../rpc/validate.ts'

const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Optional(Type.Union([schema, Type.Null()]))

/** What is used of a message of a BlueBubbles server. */
const Message = Type.Object({
  guid: Type.String({ minLength: 1 }),
  text: Nullable(Type.String()),
  isFromMe: Nullable(Type.Boolean()),
  handle: Nullable(Type.Object({ address: Type.String() })),
  associatedMessageType: Nullable(Type.Union([Type.String(), Type.Integer()])),
  dateCreated: Nullable(Type.Number()),
  chats: Nullable(Type.Array(Type.Object({ guid: Type.String({ minLength: 1 }) })))
})

const check = compile<Static<typeof Message>>(Message, 'data')

/** A message from somebody else. Times are epoch milliseconds. */
export interface Incoming {
  readonly guid: string
  readonly chat: string
  readonly sender: string
  readonly text: string
  readonly at: number | undefined
}

/** The message that an event is about; undefined for everything that nobody has to answer: own messages, reactions, other events. */
export function incomingOf(event: unknown): Incoming | undefined {
  const { type, data } = (event ?? {}) as { type?: unknown; data?: unknown }
  return type === 'new-message' ? messageOf(data) : undefined
}

/** The same of a message as the server lists it. */
export function messageOf(data: unknown): Incoming | undefined {
  const checked = check(data)
  if ('issues' in checked) return undefined
  const { guid, text, isFromMe, handle, associatedMessageType, chats, dateCreated } = checked.value
  const chat = chats?.[0]?.guid
  // What the gateway has sent comes back as an event as well.
  if (isFromMe !== false || associatedMessageType != null || !text?.trim() || !handle || chat === undefined) return undefined
  return { guid, chat, sender: handle.address, text: text.trim(), at: dateCreated ?? undefined }
}
