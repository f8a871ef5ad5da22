import { isTextType } from '../../rpc/schemas/agent.ts'
import type { Attachment, ChatMessage } from './define.ts'
import type { SdkPrompt } from './kinds.ts'
import type { WireNames } from './names.ts'

type Turn<Role extends ChatMessage['role']> = Extract<ChatMessage, { role: Role }>
type WireMessage = SdkPrompt[number]
type Parts<Role extends WireMessage['role']> = Exclude<Extract<WireMessage, { role: Role }>['content'], string>

export interface PromptOptions {
  readonly names: WireNames
  /** MIME types the provider takes as files. */
  readonly files: ReadonlySet<string>
  /** The request has tools. Without them providers refuse a conversation with calls, so these are written out. */
  readonly tools: boolean
  /** The provider takes the texts of a message as one: some servers take no list of parts, and others join its texts without a space. */
  readonly oneText: boolean
}

/**
 * A conversation as the package wants it. Providers refuse the whole request over an empty text or an id they dislike, and would refuse
 * every later one: the text is left out, the id replaced. Two turns of one role are joined, because templates of local models and
 * several providers take only alternating ones. `ChatMessage` promises that each call has its result.
 */
export function toPrompt(messages: readonly ChatMessage[], { names, files, tools, oneText }: PromptOptions): SdkPrompt {
  const prompt: SdkPrompt = []
  const taken = new Set<string>()
  const ids = new Map<string, string>()
  for (const message of tools ? messages : messages.map(inWords)) {
    switch (message.role) {
      case 'user':
        join(prompt, 'user', userParts(message, files))
        break
      case 'assistant': {
        const { text, toolCalls = [] } = message
        for (const { callId } of toolCalls) ids.set(callId, wireId(callId, taken))
        join(prompt, 'assistant', [
          ...textParts(text),
          ...toolCalls.map(({ callId, tool, args }) => ({
            type: 'tool-call' as const,
            toolCallId: ids.get(callId)!,
            toolName: names.tool(tool),
            input: args
          }))
        ])
        break
      }
      case 'tool':
        join(prompt, 'tool', [resultPart(message, ids.get(message.callId)!, names)])
    }
  }
  return oneText ? prompt.map(withOneText) : prompt
}

/** Adds parts to the last message where it has the same role, else as a message of their own. */
function join<Role extends 'user' | 'assistant' | 'tool'>(prompt: SdkPrompt, role: Role, parts: Parts<Role>): void {
  if (parts.length === 0) return
  const last = prompt.at(-1)
  if (last?.role === role) (last.content as Parts<Role>).push(...(parts as never[]))
  else prompt.push({ role, content: [...parts] } as WireMessage)
}

/** Texts of the assistant are one; so are those of the user, unless there is a file among them. */
function withOneText(message: WireMessage): WireMessage {
  const { role, content } = message
  if (role !== 'user' && role !== 'assistant') return message
  const texts = content.flatMap((part) => (part.type === 'text' ? [part.text] : []))
  const others = content.filter(({ type }) => type !== 'text')
  if (texts.length < 2 || (role === 'user' && others.length > 0)) return message
  return { ...message, content: [{ type: 'text', text: texts.join('\n\n') }, ...others] } as WireMessage
}

/** A call or a result of a tool as text, for a request without tools. */
function inWords(message: ChatMessage): ChatMessage {
  if (message.role === 'tool') {
    const { tool, output, failed } = message
    return { role: 'user', text: `[The tool ${tool} ${failed ? 'failed' : 'answered'}:]\n${output}` }
  }
  if (message.role === 'user' || !message.toolCalls?.length) return message
  const calls = message.toolCalls.map(({ tool, args }) => `[Called the tool ${tool} with ${JSON.stringify(args)}]`)
  return { role: 'assistant', text: [message.text, ...calls].filter(Boolean).join('\n') }
}

function resultPart({ tool, output, failed }: Turn<'tool'>, toolCallId: string, names: WireNames): Parts<'tool'>[number] {
  const type = failed ? 'error-text' : 'text'
  return { type: 'tool-result', toolCallId, toolName: names.tool(tool), output: { type, value: output } }
}

/**
 * The id of a call as every provider takes it: after a fallback a conversation holds ids of several of them, which have
 * other alphabets, are too long for OpenAI (40) or come again in a later turn.
 */
function wireId(callId: string, taken: Set<string>): string {
  let id = /^[A-Za-z0-9_-]{1,40}$/.test(callId) ? callId : 'call'
  for (let n = taken.size + 1; taken.has(id); n++) id = `call_${n}`
  taken.add(id)
  return id
}

function userParts({ text, attachments = [] }: Turn<'user'>, files: ReadonlySet<string>): Parts<'user'> {
  const parts = [...textParts(text), ...attachments.map((attachment) => filePart(attachment, files))]
  return parts.length > 0 ? parts : [{ type: 'text', text: '(empty message)' }]
}

/** Anthropic refuses blank texts. */
function textParts(text: string): Array<{ type: 'text'; text: string }> {
  return text.trim() === '' ? [] : [{ type: 'text', text }]
}

function filePart({ mimeType, data, filename }: Attachment, files: ReadonlySet<string>): Parts<'user'>[number] {
  // Tagged as data: a bare string that reads like a URL would be fetched.
  if (files.has(mimeType)) {
    return { type: 'file', mediaType: mimeType, data: { type: 'data', data }, ...(filename === undefined ? {} : { filename }) }
  }
  const bytes = Buffer.from(data, 'base64')
  const label = `${JSON.stringify(filename ?? 'unnamed')} (${mimeType}, ${bytes.length} bytes)`
  if (isTextType(mimeType)) return { type: 'text', text: `Attached file ${label}:\n${bytes.toString('utf8')}` }
  return { type: 'text', text: `[Attached file ${label}: this model cannot read files of this type.]` }
}
