import { type Static, Type } from '@sinclair/typebox'
import { compile } from '../../../rpc/validate.ts'
import type { Quote } from '../define.ts'
import { entriesOf, textIn } from '../event.ts'

const User = Type.Object({
  name: Type.String(),
  displayName: Type.Optional(Type.Unknown()),
  type: Type.Optional(Type.Unknown())
})

const Event = Type.Object({
  type: Type.Optional(Type.String()),
  eventTime: Type.Optional(Type.Unknown()),
  message: Type.Optional(
    Type.Object({
      name: Type.String(),
      text: Type.Optional(Type.String()),
      argumentText: Type.Optional(Type.String()),
      sender: Type.Optional(User),
      thread: Type.Optional(Type.Unknown()),
      annotations: Type.Optional(Type.Unknown()),
      attachment: Type.Optional(Type.Unknown()),
      attachedGifs: Type.Optional(Type.Unknown()),
      slashCommand: Type.Optional(Type.Unknown()),
      quotedMessageMetadata: Type.Optional(Type.Unknown())
    })
  ),
  user: Type.Optional(User),
  space: Type.Optional(
    Type.Object({ name: Type.String(), type: Type.Optional(Type.Unknown()), spaceType: Type.Optional(Type.Unknown()) })
  )
})

const Payload = Type.Optional(Type.Object({ space: Event.properties.space, message: Event.properties.message }))
const AddOn = Type.Object({
  chat: Type.Object({
    user: Type.Optional(User),
    eventTime: Type.Optional(Type.Unknown()),
    messagePayload: Payload,
    addedToSpacePayload: Payload,
    appCommandPayload: Payload
  })
})

/** An event of Google Chat, in one form for apps and add-ons. */
export type ChatEvent = Static<typeof Event>

const checkEvent = compile<ChatEvent>(Event, 'event')
const checkAddOn = compile<Static<typeof AddOn>>(AddOn, 'event')
const attachmentsIn = entriesOf(
  Type.Object({
    contentName: Type.Optional(Type.String()),
    contentType: Type.Optional(Type.String()),
    attachmentDataRef: Type.Optional(Type.Object({ resourceName: Type.Optional(Type.String()) }))
  })
)
const annotationsIn = entriesOf(
  Type.Object({
    type: Type.String(),
    userMention: Type.Optional(Type.Object({ user: Type.Object({ type: Type.Optional(Type.String()) }) }))
  })
)

/** Credentials that stand in a body, which are looked for whatever else it holds. */
export function credentialsIn(json: unknown): { readonly token: string | undefined; readonly systemIdToken: string | undefined } {
  const { token, authorizationEventObject } = (json ?? {}) as {
    token?: unknown
    authorizationEventObject?: { systemIdToken?: unknown }
  }
  return { token: textIn(token), systemIdToken: textIn(authorizationEventObject?.systemIdToken) }
}

export function isAddOn(json: unknown): boolean {
  return typeof json === 'object' && json !== null && 'chat' in json
}

/** Undefined: the shape is not known. */
export function eventOf(json: unknown): ChatEvent | undefined {
  if (!isAddOn(json)) {
    const checked = checkEvent(json)
    return 'issues' in checked ? undefined : checked.value
  }
  const checked = checkAddOn(json)
  if ('issues' in checked) return undefined
  const { user, eventTime, messagePayload, addedToSpacePayload, appCommandPayload } = checked.value.chat
  const [type, payload] = messagePayload
    ? ['MESSAGE', messagePayload]
    : appCommandPayload
      ? ['APP_COMMAND', appCommandPayload]
      : ['ADDED_TO_SPACE', addedToSpacePayload]
  return { type, eventTime, ...payload, ...(user ? { user } : {}) }
}

/** A file of a message: its resource for the media API, or the reason why there is none. */
export interface ChatFile {
  readonly filename: string | undefined
  readonly mimeType: string
  readonly resource: string | undefined
}

/** A message of a person, in a space. */
export interface Said {
  readonly id: string
  readonly space: string
  readonly thread: string | undefined
  readonly sender: string
  readonly senderName: string | undefined
  readonly group: boolean
  /** The app is mentioned, or called with a command. */
  readonly addressed: boolean
  readonly text: string
  readonly quote: Quote | undefined
  readonly files: readonly ChatFile[]
  readonly untaken: readonly string[]
}

/** Undefined: the event is no message of a person. */
export function saidIn({ type, message, space, user, eventTime }: ChatEvent): Said | undefined {
  // Adding the app by mentioning it is a message as well.
  if (!space || (type !== 'MESSAGE' && type !== 'ADDED_TO_SPACE' && type !== 'APP_COMMAND')) return undefined
  const sender = message?.sender ?? user
  if (!sender || sender.type === 'BOT') return undefined
  const group = /^(SPACE|GROUP_CHAT|ROOM)$/.test(String(space.spaceType ?? space.type))
  const from = { space: space.name, sender: sender.name, senderName: textIn(sender.displayName), group }
  if (!message) {
    if (type !== 'APP_COMMAND') return undefined
    const id = `${type} ${String(eventTime)} ${space.name} ${sender.name}`
    const untaken = ['a command without text']
    return { ...from, id, thread: undefined, addressed: true, text: '', quote: undefined, files: [], untaken }
  }
  const annotations = annotationsIn(message.annotations)
  const isCommand =
    type === 'APP_COMMAND' || message.slashCommand !== undefined || annotations.some(({ type }) => type === 'SLASH_COMMAND')
  const { text: whole = '', argumentText } = message
  const attachments = attachmentsIn(message.attachment)
  const { name: thread } = (message.thread ?? {}) as { name?: unknown }
  return {
    ...from,
    id: message.name,
    thread: textIn(thread),
    // Without annotations it is not known who is mentioned: Chat sends apps only messages that mention them, unless told otherwise.
    addressed:
      isCommand || message.annotations === undefined || annotations.some(({ userMention }) => userMention?.user.type === 'BOT'),
    // A command stands in the whole text alone.
    text: (isCommand ? whole : (argumentText ?? whole)).trim(),
    quote: quoteIn(message.quotedMessageMetadata),
    files: attachments.map(({ contentName, contentType, attachmentDataRef }) => ({
      filename: contentName,
      mimeType: contentType ?? 'application/octet-stream',
      resource: attachmentDataRef?.resourceName
    })),
    untaken: Array.isArray(message.attachedGifs) && message.attachedGifs.length > 0 ? ['a GIF'] : []
  }
}

function quoteIn(metadata: unknown): Quote | undefined {
  const { quotedMessageSnapshot: snapshot } = (metadata ?? {}) as { quotedMessageSnapshot?: { text?: unknown; sender?: unknown } }
  const text = textIn(snapshot?.text)
  return text === undefined ? undefined : { name: textIn(snapshot?.sender), text }
}
