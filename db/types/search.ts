import type { MessageRow } from './messages.ts'

export interface SearchQuery {
  /** Any text. A message is found that has a word with the beginning of each of its first ten words; case does not matter, nor do accents in SQLite. */
  readonly text: string
  readonly sessionId?: string | undefined
  readonly frontend?: string | undefined
  readonly limit: number
  /** Id of a message: only older ones. */
  readonly before?: number | undefined
}

/** A message that was found. `text` is its searched part. */
export type FoundMessage = Pick<MessageRow, 'id' | 'sessionId' | 'runId' | 'createdAt'> & {
  readonly role: 'user' | 'assistant'
  readonly text: string
  /** Title of its session. */
  readonly title: string | null
}

/** Full-text search in the messages of users and assistants. The first 32,768 characters of a message are searched. */
export interface SearchStore {
  /**
   * Messages with all words of a text, newest first. In the messages of one session or frontend, the newest 20,000 that have the words are
   * looked at. A text without a letter or digit finds nothing.
   */
  messages(query: SearchQuery): Promise<FoundMessage[]>
  /** One step of removing deleted words from the storage of the index; a few milliseconds. `false`: none is left. */
  compact(): Promise<boolean>
}
