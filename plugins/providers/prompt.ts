import type { AssistantModelMessage, ModelMessage, ToolResultPart, UserModelMessage } from 'ai'
import { isTextType } from '../../rpc/schemas/agent.ts'
import type { Attachment, ChatMessage } from './define.ts'
import type { WireNames } from './names.ts'

type Turn<Role extends ChatMessage['role']> = Extract<ChatMessage, { role: Role }>
type Parts<Message extends { content: string | readonly unknown[] }> = Exclude<Message['content'], string>

export interface PromptOptions {
  readonly names: WireNames
  /** MIME types the provider takes as files. */
  readonly files: ReadonlySet<string>
}

/**
 * A conversation as the SDK wants it. Providers refuse the whole request over an empty text or an id they dislike, and
 * would refuse every later one: the text is left out, the id replaced. That each call has its result is the promise of
 * `ChatMessage`.
 */
export function toPrompt(messages: readonly ChatMessage[], { names, files }: PromptOptions): ModelMessage[] {
  const prompt: ModelMessage[] = []
  const taken = new Set<string>()
  const ids = new Map<string, string>()
  for (const message of messages) {
    switch (message.role) {
      case 'user':
        prompt.push({ role: 'user', content: userParts(message, files) })
        break
      case 'assistant': {
        const { text, toolCalls = [] } = message
        for (const { callId } of toolCalls) ids.set(callId, wireId(callId, taken))
        const content: Parts<AssistantModelMessage> = [
          ...textParts(text),
          ...toolCalls.map(({ callId, tool, args }) => ({
            type: 'tool-call' as const,
            toolCallId: ids.get(callId)!,
            toolName: names.tool(tool),
            input: args
          }))
        ]
        if (content.length > 0) prompt.push({ role: 'assistant', content })
        break
      }
      case 'tool':
        prompt.push({ role: 'tool', content: [resultPart(message, ids.get(message.callId)!, names)] })
    }
  }
  return prompt
}

function resultPart({ tool, output, failed }: Turn<'tool'>, toolCallId: string, names: WireNames): ToolResultPart {
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

function userParts({ text, attachments = [] }: Turn<'user'>, files: ReadonlySet<string>): Parts<UserModelMessage> {
  const parts = [...textParts(text), ...attachments.map((attachment) => filePart(attachment, files))]
  return parts.length > 0 ? parts : [{ type: 'text', text: '(empty message)' }]
}

/** Anthropic refuses blank texts. */
function textParts(text: string): Array<{ type: 'text'; text: string }> {
  return text.trim() === '' ? [] : [{ type: 'text', text }]
}

function filePart({ mimeType, data, filename }: Attachment, files: ReadonlySet<string>): Parts<UserModelMessage>[number] {
  // Tagged as data: a bare string that reads like a URL would be fetched.
  if (files.has(mimeType)) {
    return { type: 'file', mediaType: mimeType, data: { type: 'data', data }, ...(filename === undefined ? {} : { filename }) }
  }
  const bytes = Buffer.from(data, 'base64')
  const label = `${JSON.stringify(filename ?? 'unnamed')} (${mimeType}, ${bytes.length} bytes)`
  if (isTextType(mimeType)) return { type: 'text', text: `Attached file ${label}:\n${bytes.toString('utf8')}` }
  return { type: 'text', text: `[Attached file ${label}: this model cannot read files of this type.]` }
}
