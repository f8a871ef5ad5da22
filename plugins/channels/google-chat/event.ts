import { type Static, Type } from '@sinclair/typebox'
import { compile } from '../../../rpc/validate.ts'

const User = Type.Object({ name: Type.String(), displayName: Type.Optional(Type.String()), type: Type.Optional(Type.String()) })

const Event = Type.Object({
  type: Type.Optional(Type.String()),
  token: Type.Optional(Type.String()),
  message: Type.Optional(
    Type.Object({
      name: Type.String(),
      text: Type.Optional(Type.String()),
      argumentText: Type.Optional(Type.String()),
      sender: Type.Optional(User),
      thread: Type.Optional(Type.Object({ name: Type.String() }))
    })
  ),
  user: Type.Optional(User),
  space: Type.Optional(Type.Object({ name: Type.String() }))
})

const AddOn = Type.Object({
  authorizationEventObject: Type.Optional(Type.Object({ systemIdToken: Type.Optional(Type.String()) })),
  chat: Type.Object({
    user: Type.Optional(User),
    messagePayload: Type.Optional(Type.Object({ space: Event.properties.space, message: Event.properties.message }))
  })
})

/** An event of Google Chat, in whichever form it came. */
export interface ChatEvent {
  readonly event: Static<typeof Event>
  /** Of an add-on: the token that stands in the body. */
  readonly systemIdToken: string | undefined
  readonly addOn: boolean
}

const checkEvent = compile<Static<typeof Event>>(Event, 'event')
const checkAddOn = compile<Static<typeof AddOn>>(AddOn, 'event')

/** Undefined: it has no form that is known. */
export function eventOf(json: unknown): ChatEvent | undefined {
  if (typeof json === 'object' && json !== null && 'chat' in json) {
    const checked = checkAddOn(json)
    if ('issues' in checked) return undefined
    const { chat, authorizationEventObject } = checked.value
    const { message, space } = chat.messagePayload ?? {}
    const event = {
      ...(message ? { type: 'MESSAGE', message } : {}),
      ...(space ? { space } : {}),
      ...(chat.user ? { user: chat.user } : {})
    }
    return { event, systemIdToken: authorizationEventObject?.systemIdToken, addOn: true }
  }
  const checked = checkEvent(json)
  return 'issues' in checked ? undefined : { event: checked.value, systemIdToken: undefined, addOn: false }
}

/** Something that a person has said, in a space. */
export interface Said {
  readonly id: string
  readonly space: string
  readonly thread: string | undefined
  readonly sender: string
  readonly senderName: string | undefined
  readonly text: string
}

/** Undefined: nobody has to answer. */
export function saidIn({ type, message, space, user }: ChatEvent['event']): Said | undefined {
  // Whoever adds the app by mentioning it says something with that.
  if ((type !== 'MESSAGE' && type !== 'ADDED_TO_SPACE') || !message || !space) return undefined
  const { sender = user, name: id, thread, argumentText, text: whole = '' } = message
  const text = (argumentText ?? whole).trim()
  if (!sender || sender.type === 'BOT' || text === '') return undefined
  return { id, space: space.name, thread: thread?.name, sender: sender.name, senderName: sender.displayName, text }
}
