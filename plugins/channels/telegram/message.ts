import type { Message, MessageOrigin } from 'grammy/types'
import type { Quote } from '../define.ts'

/** A message of a person to the bot, or an album of several. */
export interface Incoming {
  readonly chat: number
  readonly topic: number | undefined
  /** `<chat>` or, in a topic of a group, `<chat>/<topic>`. */
  readonly conversation: string
  readonly messageId: string
  readonly senderId: string
  readonly senderName: string | undefined
  readonly group: boolean
  /** In a group: the bot is mentioned, replied to, or given a command. */
  readonly addressed: boolean
  readonly text: string
  readonly quote: Quote | undefined
  readonly forwardedFrom: string | undefined
  readonly files: readonly IncomingFile[]
  readonly untaken: readonly string[]
}

export interface IncomingFile {
  readonly id: string
  readonly mimeType: string
  readonly filename: string | undefined
  /** Bytes, where Telegram says. */
  readonly size: number | undefined
}

/** Name and id of the bot. */
export interface BotName {
  readonly id: number
  readonly username: string
}

/** Kinds of content that the agent cannot take, as people call them. */
const UNTAKEN = {
  checklist: 'a checklist',
  game: 'a game',
  giveaway: 'a giveaway',
  invoice: 'an invoice',
  paid_media: 'paid media',
  story: 'a story'
} as const satisfies Partial<Record<keyof Message, string>>

/**
 * Reads a message, or the parts of an album, in order. Undefined: there is nothing to answer, such as a service message.
 * @param bot name and id, for mentions in groups
 */
export function incomingOf([message, ...more]: readonly Message[], bot: BotName): Incoming | undefined {
  const { from, chat, message_id: id, message_thread_id: thread, is_topic_message: inTopic } = message ?? {}
  if (!message || !from || !chat || id === undefined || from.is_bot) return undefined
  const messages = [message, ...more]
  const written = messages.flatMap((part) => part.text ?? part.caption ?? []).join('\n')
  // A command for another bot of the group.
  if (/^\/\w+@/.test(written) && !new RegExp(`^/\\w+@${bot.username}\\b`, 'i').test(written)) return undefined
  const replied = repliedTo(message)
  const own = messages.flatMap((part) => fileOf(part) ?? [])
  const files = own.length > 0 || !replied ? own : [fileOf(replied) ?? []].flat()
  const said = [withoutName(written, bot.username), ...messages.flatMap((part) => describe(part) ?? [])].filter(
    (text) => text !== ''
  )
  const untaken = messages.flatMap((part) =>
    Object.entries(UNTAKEN).flatMap(([kind, name]) => (part[kind as keyof Message] === undefined ? [] : [name]))
  )
  const quote = quoteOf(message, replied)
  if (said.length === 0 && own.length === 0 && untaken.length === 0 && (quote === undefined || written === '')) return undefined
  const topic = inTopic ? thread : undefined
  const group = chat.type === 'group' || chat.type === 'supergroup'
  return {
    chat: chat.id,
    topic,
    conversation: topic === undefined ? String(chat.id) : `${chat.id}/${topic}`,
    messageId: `${chat.id}:${id}`,
    senderId: String(from.id),
    senderName: [from.first_name, from.last_name].filter(Boolean).join(' ') || from.username,
    group,
    addressed: !group || messages.some((part) => mentions(part, bot)) || /^\//.test(written) || replied?.from?.id === bot.id,
    text: said.join('\n'),
    quote,
    forwardedFrom: message.forward_origin && nameOf(message.forward_origin),
    files,
    untaken
  }
}

/** Chat and topic of a conversation, as the Bot API wants them. Undefined: the text names no chat. */
export function chatOf(conversation: string): { chat: number; topic: number | undefined } | undefined {
  const [, chat, topic] = /^(-?\d{1,16})(?:\/(\d{1,16}))?$/.exec(conversation) ?? []
  return chat === undefined ? undefined : { chat: Number(chat), topic: topic === undefined ? undefined : Number(topic) }
}

/** `/stop@flynn_bot` is a command in a group, and `@flynn_bot` addresses the bot. */
function withoutName(text: string, username: string): string {
  return text.replace(new RegExp(` ?@${username}\\b`, 'gi'), '').trim()
}

function mentions({ text, caption, entities, caption_entities: inCaption }: Message, { id, username }: BotName): boolean {
  if (new RegExp(`@${username}\\b`, 'i').test(text ?? caption ?? '')) return true
  return [...(entities ?? []), ...(inCaption ?? [])].some((entity) => entity.type === 'text_mention' && entity.user.id === id)
}

/** The message that is replied to. The first message of a topic is none: every message there "replies" to it. */
function repliedTo({
  reply_to_message: replied,
  is_topic_message: inTopic,
  message_thread_id: thread
}: Message): Message | undefined {
  return replied && !(inTopic && replied.message_id === thread) ? (replied as Message) : undefined
}

function quoteOf({ quote, external_reply: external }: Message, replied: Message | undefined): Quote | undefined {
  const text = quote?.text ?? replied?.text ?? replied?.caption ?? (replied && describe(replied))
  if (text === undefined || text === '') return undefined
  const { from, sender_chat: chat } = replied ?? {}
  const name = external ? nameOf(external.origin) : ((chat && 'title' in chat ? chat.title : undefined) ?? from?.first_name)
  return { name, text }
}

function nameOf(origin: MessageOrigin): string {
  if (origin.type === 'user') return [origin.sender_user.first_name, origin.sender_user.last_name].filter(Boolean).join(' ')
  if (origin.type === 'hidden_user') return origin.sender_user_name
  const chat = origin.type === 'chat' ? origin.sender_chat : origin.chat
  return 'title' in chat && chat.title ? chat.title : 'a chat'
}

/** Content that text can stand for. */
function describe({ sticker, location, venue, contact, poll, dice }: Message): string | undefined {
  if (sticker) return `[Sticker${sticker.emoji ? ` ${sticker.emoji}` : ''}]`
  if (venue) return `[Place: ${venue.title}, ${venue.address} (${venue.location.latitude}, ${venue.location.longitude})]`
  if (location) return `[Location: ${location.latitude}, ${location.longitude}]`
  if (contact) return `[Contact: ${[contact.first_name, contact.last_name].filter(Boolean).join(' ')}, ${contact.phone_number}]`
  if (poll) return `[Poll: ${poll.question} ${poll.options.map(({ text }) => text).join(' / ')}]`
  return dice && `[${dice.emoji} ${dice.value}]`
}

function fileOf({ photo, document, voice, audio, video, video_note: note, animation }: Message): IncomingFile | undefined {
  // All sizes of a photo are listed, the largest last.
  const image = photo?.at(-1)
  if (image) return { id: image.file_id, mimeType: 'image/jpeg', filename: undefined, size: image.file_size }
  const file = animation ?? document ?? voice ?? audio ?? video ?? note
  if (!file) return undefined
  const filename = 'file_name' in file ? file.file_name : undefined
  const mimeType = 'mime_type' in file ? file.mime_type : undefined
  return { id: file.file_id, mimeType: mimeType ?? 'application/octet-stream', filename, size: file.file_size }
}
