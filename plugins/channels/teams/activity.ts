import { type Static, Type } from '@sinclair/typebox'
import { compile } from '../../../rpc/validate.ts'
import type { Quote } from '../define.ts'
import { entriesOf, textIn } from '../event.ts'
import { Refusal } from '../inbound.ts'

const Account = Type.Object({ id: Type.String(), name: Type.Optional(Type.Unknown()), role: Type.Optional(Type.Unknown()) })

/** Members of an activity of the Bot Framework that this gateway reads. Lists are read entry by entry. */
const Activity = Type.Object({
  type: Type.String(),
  id: Type.Optional(Type.String()),
  channelId: Type.Optional(Type.String()),
  serviceUrl: Type.Optional(Type.String()),
  from: Type.Optional(Account),
  recipient: Type.Optional(Account),
  conversation: Type.Optional(
    Type.Object({
      id: Type.String(),
      tenantId: Type.Optional(Type.String()),
      conversationType: Type.Optional(Type.Unknown()),
      isGroup: Type.Optional(Type.Unknown())
    })
  ),
  text: Type.Optional(Type.String()),
  entities: Type.Optional(Type.Unknown()),
  attachments: Type.Optional(Type.Unknown()),
  channelData: Type.Optional(Type.Unknown())
})

export type Activity = Static<typeof Activity>

const check = compile<Activity>(Activity, 'activity')
const mentionsIn = entriesOf(
  Type.Object({
    type: Type.Literal('mention'),
    text: Type.Optional(Type.String()),
    mentioned: Type.Object({ id: Type.String() })
  })
)
const attachmentsIn = entriesOf(
  Type.Object({
    contentType: Type.String(),
    contentUrl: Type.Optional(Type.String()),
    name: Type.Optional(Type.String()),
    content: Type.Optional(Type.Unknown())
  })
)

/** @throws Refusal 400 */
export function activityOf(json: unknown): Activity {
  const checked = check(json)
  if ('issues' in checked) throw new Refusal(400, `no activity: ${checked.issues[0]?.path} ${checked.issues[0]?.message}`)
  return checked.value
}

export function tenantOf({ channelData, conversation }: Activity): string | undefined {
  const { tenant } = (channelData ?? {}) as { tenant?: { id?: unknown } }
  return typeof tenant?.id === 'string' ? tenant.id : conversation?.tenantId
}

/** Bots, which are named `28:…`, would answer the answer. */
export function isOfPerson({ from }: Activity): boolean {
  return from !== undefined && from.role !== 'bot' && !from.id.startsWith('28:')
}

export function isGroup({ conversation }: Activity): boolean {
  return conversation?.isGroup === true || /^(channel|groupChat)$/.test(String(conversation?.conversationType))
}

/** `true`: the message mentions the bot. */
export function isAddressed({ entities, recipient }: Activity): boolean {
  return mentionsIn(entities).some(({ mentioned }) => mentioned.id === recipient?.id)
}

/** Text of the message, without the mentions of the bot itself. */
export function textOf({ text = '', entities, recipient }: Activity): string {
  const mentions = mentionsIn(entities).flatMap((entity) =>
    entity.mentioned.id === recipient?.id && entity.text ? [entity.text] : []
  )
  return mentions.reduce((rest, mention) => rest.replaceAll(mention, ''), text).trim()
}

/** A file of a message, and the URL of its content. */
export interface TeamsFile {
  readonly url: string
  readonly filename: string | undefined
  readonly mimeType: string
}

/** Parts of a message beside its text. */
export interface Extras {
  readonly files: readonly TeamsFile[]
  readonly untaken: readonly string[]
  readonly quote: Quote | undefined
  readonly forwardedFrom: string | undefined
  /** Text of the message that is forwarded. */
  readonly forwarded: string | undefined
}

export function extrasOf({ attachments }: Activity): Extras {
  const files: TeamsFile[] = []
  const untaken: string[] = []
  let quote: Quote | undefined
  let forwardedFrom: string | undefined
  let forwarded: string | undefined
  for (const { contentType, contentUrl, name, content } of attachmentsIn(attachments)) {
    const details = detailsOf(content)
    const type = contentType.toLowerCase()
    if (type === 'application/vnd.microsoft.teams.file.download.info') {
      const url = textIn(details.downloadUrl) ?? contentUrl
      if (url === undefined) untaken.push(name === undefined ? 'a file' : `the file ${name}`)
      else files.push({ url, filename: name, mimeType: 'application/octet-stream' })
    } else if (type === 'messagereference') {
      const text = textIn(details.messagePreview)
      if (text !== undefined) quote = { name: nameIn(details.messageSender), text }
    } else if (type === 'forwardedmessagereference') {
      forwarded = textIn(details.originalMessageContent)
      forwardedFrom = nameIn(details.originalMessageSender) ?? 'another conversation'
    } else if (type.startsWith('application/vnd.microsoft.card.')) untaken.push('a card')
    // The text once more, as HTML.
    else if (type === 'text/html') continue
    else if (contentUrl !== undefined) files.push({ url: contentUrl, filename: name, mimeType: type.replace('/*', '/png') })
    else untaken.push(name === undefined ? 'an attachment' : `the attachment ${name}`)
  }
  return { files, untaken, quote, forwardedFrom, forwarded }
}

/** Content of an attachment, which is an object or its JSON. */
function detailsOf(content: unknown): Record<string, unknown> {
  try {
    const value: unknown = typeof content === 'string' ? JSON.parse(content) : content
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

function nameIn(sender: unknown): string | undefined {
  const { user } = (sender ?? {}) as { user?: { displayName?: unknown } }
  return textIn(user?.displayName)
}
