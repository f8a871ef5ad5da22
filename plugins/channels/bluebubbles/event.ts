import { type Static, Type } from '@sinclair/typebox'
import { compile } from '../../../rpc/validate.ts'
import { entriesOf, withoutNulls } from '../event.ts'

/** Stands for a file in the text of a message. */
const PLACEHOLDER = /\ufffc/g

/** Members of a message of a BlueBubbles server that this gateway reads. */
const Message = Type.Object({
  guid: Type.String({ minLength: 1 }),
  text: Type.Optional(Type.String()),
  isFromMe: Type.Optional(Type.Boolean()),
  handle: Type.Optional(Type.Object({ address: Type.String() })),
  associatedMessageType: Type.Optional(Type.Unknown()),
  balloonBundleId: Type.Optional(Type.Unknown()),
  dateCreated: Type.Optional(Type.Number()),
  attachments: Type.Optional(Type.Unknown()),
  chats: Type.Optional(Type.Unknown())
})

const check = compile<Static<typeof Message>>(Message, 'data')
const chatsIn = entriesOf(Type.Object({ guid: Type.String({ minLength: 1 }) }))
const attachmentsIn = entriesOf(
  Type.Object({
    guid: Type.String({ minLength: 1 }),
    mimeType: Type.Optional(Type.String()),
    transferName: Type.Optional(Type.String()),
    totalBytes: Type.Optional(Type.Number()),
    hideAttachment: Type.Optional(Type.Boolean())
  })
)

export interface IncomingFile {
  readonly guid: string
  readonly mimeType: string
  readonly filename: string | undefined
  /** Bytes. */
  readonly size: number
}

/** A message of another person. Times are epoch milliseconds. */
export interface Incoming {
  readonly guid: string
  readonly chat: string
  readonly sender: string
  readonly group: boolean
  readonly text: string
  readonly files: readonly IncomingFile[]
  readonly untaken: readonly string[]
  readonly at: number | undefined
}

/** Message of an event. Undefined for events without one to answer: own messages, reactions, other events. */
export function incomingOf(event: unknown): Incoming | undefined {
  const { type, data } = (event ?? {}) as { type?: unknown; data?: unknown }
  return type === 'new-message' ? messageOf(data) : undefined
}

/** The same for a message as the server lists it. */
export function messageOf(data: unknown): Incoming | undefined {
  const checked = check(withoutNulls(data))
  if ('issues' in checked) return undefined
  const { guid, text: written = '', isFromMe, handle, associatedMessageType, balloonBundleId, dateCreated } = checked.value
  const [chat] = chatsIn(checked.value.chats)
  // Sent messages come back as events as well.
  if (isFromMe !== false || associatedMessageType !== undefined || !handle || chat === undefined) return undefined
  const text = written.replace(PLACEHOLDER, '').trim()
  const files = attachmentsIn(checked.value.attachments)
    .filter(({ hideAttachment = false }) => !hideAttachment)
    .map(({ guid, mimeType = 'application/octet-stream', transferName, totalBytes = 0 }) => ({
      guid,
      mimeType,
      filename: transferName,
      size: totalBytes
    }))
  const isApp = balloonBundleId !== undefined && text === '' && files.length === 0
  // A placeholder without file is a file that the server does not show.
  const isLost = written !== '' && text === '' && files.length === 0
  const untaken = isApp ? ['a message of an app'] : isLost ? ['a file'] : []
  if (text === '' && files.length === 0 && untaken.length === 0) return undefined
  return {
    guid,
    chat: chat.guid,
    sender: handle.address,
    group: chat.guid.includes(';+;'),
    text,
    files,
    untaken,
    at: dateCreated
  }
}
