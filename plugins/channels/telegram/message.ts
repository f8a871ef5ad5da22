import type { Message, Update } from 'grammy/types'

/** A message of a person to the bot. */
export interface Incoming {
  /** `<chat>` or, in a topic of a group, `<chat>/<topic>`. */
  readonly conversation: string
  readonly messageId: string
  readonly senderId: string
  readonly senderName: string | undefined
  readonly text: string
  readonly file: IncomingFile | undefined
}

export interface IncomingFile {
  readonly id: string
  readonly mimeType: string
  readonly filename: string | undefined
  /** Bytes, where Telegram says. */
  readonly size: number | undefined
}

/** Undefined: nobody has to answer. `username`: how the bot is called in groups. */
export function incomingOf({ message }: Update, username: string): Incoming | undefined {
  const { from, chat, message_id: id, message_thread_id: topic, is_topic_message: inTopic } = message ?? {}
  if (!message || !from || !chat || id === undefined || from.is_bot) return undefined
  const text = withoutName(message.text ?? message.caption ?? '', username)
  const file = fileOf(message)
  if (text === '' && !file) return undefined
  const name = [from.first_name, from.last_name].filter(Boolean).join(' ')
  return {
    conversation: inTopic && topic !== undefined ? `${chat.id}/${topic}` : String(chat.id),
    messageId: `${chat.id}:${id}`,
    senderId: String(from.id),
    senderName: name || from.username,
    text,
    file
  }
}

/** What `incomingOf` calls a conversation, as the Bot API wants it. Undefined: it is none. */
export function chatOf(conversation: string): { chat: number; topic: number | undefined } | undefined {
  const [, chat, topic] = /^(-?\d{1,16})(?:\/(\d{1,16}))?$/.exec(conversation) ?? []
  return chat === undefined ? undefined : { chat: Number(chat), topic: topic === undefined ? undefined : Number(topic) }
}

/** `/stop@flynn_bot` is how a command is given in a group, and `@flynn_bot` how the bot is spoken to. */
function withoutName(text: string, username: string): string {
  return text.replace(new RegExp(` ?@${username}\\b`, 'gi'), '').trim()
}

function fileOf({ photo, document, voice, audio, video }: Message): IncomingFile | undefined {
  // Of a photo all sizes are listed, the largest last.
  const image = photo?.at(-1)
  if (image) return { id: image.file_id, mimeType: 'image/jpeg', filename: undefined, size: image.file_size }
  const file = document ?? voice ?? audio ?? video
  if (!file) return undefined
  const filename = 'file_name' in file ? file.file_name : undefined
  return { id: file.file_id, mimeType: file.mime_type ?? 'application/octet-stream', filename, size: file.file_size }
}
