import { setImmediate } from 'node:timers/promises'
import { parseJson } from '../../rpc/json.ts'
import {
  argumentsOf,
  type ChatMessage,
  defineProvider,
  type Model,
  type ModelPart,
  type ModelRequest,
  type ToolCall,
  type ToolSpec
} from './define.ts'
import { estimateUsage } from './usage.ts'

type UserMessage = Extract<ChatMessage, { role: 'user' }>

const CONTEXT_WINDOW = 32_768
/** Characters of a message that are quoted. */
const QUOTED = 500

const ABOUT =
  'I am the offline model: I need no network, and I know nothing beyond this conversation. For real answers, configure models.default.<provider> (anthropic, openai, openai_compatible, ollama or llamacpp). I can repeat what you tell me to, recall what you said, and call a tool when you write /tool NAME {json}.'

/**
 * A model that needs neither network nor configuration and goes the whole way of a real one: it streams word by word,
 * calls tools, counts tokens, stops when it is aborted. The same conversation always gets the same answer.
 */
export const offlineProvider = defineProvider({
  name: 'offline',
  offline: true,
  open: ({ model = 'offline', contextWindow = CONTEXT_WINDOW }): Model => ({ provider: 'offline', model, contextWindow, stream })
})

async function* stream(request: ModelRequest): AsyncGenerator<ModelPart> {
  const { signal, messages } = request
  signal.throwIfAborted()
  const calls = turnOf(messages).flatMap((message, n) =>
    message.role === 'user' ? callsIn(message.text, `${messages.length}_${n}`) : []
  )
  const text = calls.length > 0 ? '' : answerTo(request)
  for (const word of text.match(/\S+\s*|\s+/g) ?? []) {
    // One word a turn of the event loop: others get theirs, and an abort is heard.
    await setImmediate()
    signal.throwIfAborted()
    yield { type: 'text', text: word }
  }
  for (const call of calls) yield { type: 'tool_call', call }
  const usage = estimateUsage(request, text + (calls.length > 0 ? JSON.stringify(calls) : ''))
  yield { type: 'finish', reason: calls.length > 0 ? 'tool_calls' : 'stop', usage }
}

/** The messages and results of tools that have not been answered yet. */
function turnOf(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  return messages.slice(messages.findLastIndex(({ role }) => role === 'assistant') + 1)
}

/** `/tool NAME {json}`, several of them on lines of their own. An unknown name is called too: the agent answers it with an error. */
function callsIn(text: string, id: string): ToolCall[] {
  if (!text.startsWith('/tool')) return []
  return text.split(/^(?=\/tool\s)/m).flatMap((line, n) => {
    const [, tool, json = ''] = /^\/tool\s+(\S+)\s*([\s\S]*)$/.exec(line) ?? []
    return tool === undefined ? [] : [{ callId: `call_${id}_${n}`, tool, ...argumentsOf(parsed(json.trim() || '{}')) }]
  })
}

/** The text itself when it is no JSON, is nested too deep, or has keys that would reach a prototype. */
function parsed(json: string): unknown {
  try {
    return parseJson(json)
  } catch {
    return json
  }
}

function answerTo({ messages, tools }: ModelRequest): string {
  const turn = turnOf(messages)
  const results = turn.filter((message) => message.role === 'tool')
  const asked = turn.filter((message) => message.role === 'user')
  const answers = results.map(({ tool, failed, output }) => `${tool} ${failed ? 'failed' : 'answered'}:\n${output}`)
  if (asked.length > 0) answers.push(answerToMessages(asked, messages, tools))
  return answers.length > 0 ? answers.join('\n\n') : ABOUT
}

function answerToMessages(asked: readonly UserMessage[], messages: readonly ChatMessage[], tools: readonly ToolSpec[]): string {
  const repeats = asked.flatMap(({ text }) => /^\s*(?:say|repeat|echo)\b[\s:]*(\S[\s\S]*)$/i.exec(text)?.[1] ?? [])
  if (repeats.length === asked.length) return repeats.join('\n')
  const said = messages.filter((message) => message.role === 'user')
  const first = said.length === asked.length
  const text = asked.map(({ text }) => text).join(' ')
  const earlier = recall(
    text,
    said.slice(0, -asked.length).map(({ text }) => text)
  )
  const files = asked.flatMap(({ attachments = [] }) =>
    attachments.map(({ filename = 'a file', mimeType }) => `${filename} (${mimeType})`)
  )
  return [
    `You said: ${asked.map(({ text }) => quoted(text)).join(', ')}.`,
    files.length > 0 && `With it came ${files.join(', ')}.`,
    earlier !== undefined && `Earlier you said: ${quoted(earlier)}.`,
    `Messages from you in this conversation: ${said.length}.`,
    first && ABOUT,
    first && tools.length > 0 && `Tools: ${tools.map(({ name }) => name).join(', ')}.`
  ]
    .filter((sentence) => sentence !== false)
    .join(' ')
}

/** The earlier message that has most words in common with this one; without any in common the one before it. */
function recall(text: string, earlier: readonly string[]): string | undefined {
  const words = wordsOf(text)
  let best = earlier.at(-1)
  let most = 0
  for (const message of earlier) {
    const common = words.intersection(wordsOf(message)).size
    if (common > 0 && common >= most) [best, most] = [message, common]
  }
  return best
}

/** Short words are in every sentence. */
function wordsOf(text: string): Set<string> {
  return new Set(text.toLowerCase().match(/[\p{L}\p{N}]{4,}/gu))
}

function quoted(text: string): string {
  const characters = [...text.trim()]
  return `"${characters.length > QUOTED ? `${characters.slice(0, QUOTED).join('')}…` : text.trim()}"`
}
