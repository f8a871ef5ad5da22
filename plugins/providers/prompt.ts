import type { AssistantModelMessage, ModelMessage, ToolResultPart, UserModelMessage } from 'ai'
import type { Attachment, ChatMessage, ToolCall } from './define.ts'
import type { WireNames } from './names.ts'

type Turn<Role extends ChatMessage['role']> = Extract<ChatMessage, { role: Role }>
type Parts<Message extends { content: string | readonly unknown[] }> = Exclude<Message['content'], string>

export interface PromptOptions {
  readonly names: WireNames
  /** MIME types the provider takes as files. */
  readonly files: ReadonlySet<string>
}

/**
 * A conversation as the SDK wants it. Providers refuse the whole request over a call without result, a result without
 * call, an empty text or an id they dislike, and would refuse every later one: what is missing is filled in, what cannot
 * be sent is left out.
 */
export function toPrompt(messages: readonly ChatMessage[], { names, files }: PromptOptions): ModelMessage[] {
  const prompt: ModelMessage[] = []
  const ids = new Set<string>()
  for (const [index, message] of messages.entries()) {
    if (message.role === 'user') prompt.push({ role: 'user', content: userParts(message, files) })
    if (message.role !== 'assistant') continue
    const results = resultsAfter(messages, index)
    const calls = (message.toolCalls ?? []).map((call) => ({
      ...call,
      id: wireId(call.callId, ids),
      name: names.tool(call.tool)
    }))
    const content: Parts<AssistantModelMessage> = [
      ...textParts(message.text),
      ...calls.map(({ id, name, args }) => ({ type: 'tool-call' as const, toolCallId: id, toolName: name, input: args }))
    ]
    if (content.length > 0) prompt.push({ role: 'assistant', content })
    if (calls.length > 0) prompt.push({ role: 'tool', content: calls.map((call) => resultPart(call, results.get(call.callId))) })
  }
  return prompt
}

/** The tool messages that directly follow the assistant's, by call. */
function resultsAfter(messages: readonly ChatMessage[], index: number): Map<string, Turn<'tool'>> {
  const results = new Map<string, Turn<'tool'>>()
  for (const message of messages.slice(index + 1)) {
    if (message.role !== 'tool') break
    results.set(message.callId, message)
  }
  return results
}

function resultPart(call: ToolCall & { id: string; name: string }, result: Turn<'tool'> | undefined): ToolResultPart {
  const { output, failed } = result ?? { output: 'There is no result: the turn ended before the tool did.', failed: true }
  return {
    type: 'tool-result',
    toolCallId: call.id,
    toolName: call.name,
    output: { type: failed ? 'error-text' : 'text', value: output }
  }
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
  if (isText(mimeType)) return { type: 'text', text: `Attached file ${label}:\n${bytes.toString('utf8')}` }
  return { type: 'text', text: `[Attached file ${label}: this model cannot read files of this type.]` }
}

function isText(mimeType: string): boolean {
  return mimeType.startsWith('text/') || ['application/json', 'application/xml', 'application/yaml'].includes(mimeType)
}
