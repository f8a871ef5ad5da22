import { createHash } from 'node:crypto'
import type { Attachment, ChatMessage, Model, ModelRequest } from './define.ts'

/** Refused files that are remembered for a model; older ones are forgotten, and cost one more refusal. */
const MAX_REFUSED = 1000

/**
 * Files of earlier turns in a request. A model that refuses a request is asked once more without them, and files that it has refused are
 * never sent to it again: a note stands in their place.
 */
export class EarlierFiles {
  /** Digests of files that a model did not take. */
  readonly #refused = new WeakMap<Model, Set<string>>()

  /** The model has answered `reduced` in place of `request`: the files that are missing there are the reason that it refused the first. */
  succeeded(model: Model, { messages }: ModelRequest, reduced: ModelRequest): void {
    if (reduced.messages === messages) return
    const refused = this.#refused.get(model) ?? new Set<string>()
    this.#refused.set(model, refused)
    for (const [index, message] of messages.entries()) {
      if (reduced.messages[index] === message) continue
      for (const file of filesOf(message)) refused.add(digest(file))
    }
    for (const oldest of refused) {
      if (refused.size <= MAX_REFUSED) break
      refused.delete(oldest)
    }
  }

  /** The request as it is, and as it is tried once more where the model refuses it. */
  *attempts(model: Model, request: ModelRequest): Generator<ModelRequest> {
    const refused = this.#refused.get(model)
    const first = refused === undefined ? request : without(request, request.messages.length, (file) => refused.has(digest(file)))
    yield first
    const less = without(first, earlierIn(request), () => true)
    if (less !== first) yield less
  }
}

/** Number of the first messages that belong to earlier turns. */
function earlierIn({ messages, earlier }: ModelRequest): number {
  if (earlier !== undefined) return earlier
  let first = messages.findLastIndex(({ role }) => role === 'user')
  while (first > 0 && messages[first - 1]?.role === 'user') first--
  return Math.max(0, first)
}

/** The request with a note in place of some files of its first messages; the same one where there are none. */
function without(request: ModelRequest, count: number, left: (file: Attachment) => boolean): ModelRequest {
  let changed = false
  const messages = request.messages.map((message, index) => {
    if (index >= count || message.role !== 'user' || !filesOf(message).some(left)) return message
    changed = true
    const { text, attachments = [] } = message
    const notes = attachments
      .filter(left)
      .map(
        ({ filename = 'unnamed', mimeType }) => `[The file ${JSON.stringify(filename)} (${mimeType}) was here and is left out.]`
      )
    return {
      role: 'user' as const,
      text: [text, ...notes].filter(Boolean).join('\n'),
      attachments: attachments.filter((file) => !left(file))
    }
  })
  return changed ? { ...request, messages } : request
}

function filesOf(message: ChatMessage): readonly Attachment[] {
  return message.role === 'user' ? (message.attachments ?? []) : []
}

function digest({ data }: Attachment): string {
  return createHash('sha256').update(data).digest('base64')
}
