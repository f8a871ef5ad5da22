import { Type } from '@sinclair/typebox'
import { wordsOf } from '../../db/words.ts'
import { Cursor, cursorReader, encodeCursor, NextCursor } from '../../rpc/cursor.ts'
import { SessionId } from '../../rpc/schemas/session.ts'
import { defineMethod } from '../define.ts'
import { snippetOf } from './snippet.ts'

const PAGE = 20
const readCursor = cursorReader(Type.Integer({ minimum: 0 }))

export const search = defineMethod({
  name: 'sessions.search',
  summary: 'Find messages by the beginnings of their words, newest first (extension)',
  extension: true,
  scope: 'read',
  params: Type.Object(
    {
      text: Type.String({
        minLength: 1,
        maxLength: 1000,
        description: 'Any text. Each of its first ten words has to begin a word of the message, whatever its case'
      }),
      sessionId: Type.Optional(SessionId),
      frontend: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
      limit: Type.Optional(
        Type.Integer({ minimum: 1, maximum: 100, default: PAGE, description: 'Maximum number of messages on a page' })
      ),
      cursor: Type.Optional(Cursor)
    },
    { additionalProperties: false }
  ),
  result: Type.Object({
    messages: Type.Array(
      Type.Object({
        id: Type.Integer({ description: '`around` of sessions.get shows it' }),
        sessionId: SessionId,
        title: Type.Union([Type.String(), Type.Null()], { description: 'Title of its session' }),
        runId: Type.String(),
        role: Type.Union([Type.Literal('user'), Type.Literal('assistant')]),
        createdAt: Type.Integer({ description: 'Epoch milliseconds' }),
        snippet: Type.String({ description: 'Text around the first match' }),
        matches: Type.Array(Type.Tuple([Type.Integer(), Type.Integer()]), {
          description: 'Beginning and end of each match in the snippet, in UTF-16 code units'
        })
      }),
      { description: 'Of users and the agent. The first 32,768 characters of a message are searched' }
    ),
    nextCursor: NextCursor
  }),
  examples: [
    {
      params: { text: 'back nightly' },
      result: {
        messages: [
          {
            id: 42,
            sessionId: 'telegram:123456',
            title: 'Nightly backup',
            runId: '0b6f2a1c-5d0e-4c1f-9f43-6a3f5f0f2b11',
            role: 'assistant',
            createdAt: 1739448000000,
            snippet: 'The nightly backup is complete.',
            matches: [
              [4, 11],
              [12, 18]
            ]
          }
        ],
        nextCursor: null
      }
    }
  ],
  async handler({ limit = PAGE, cursor, ...query }, { app }) {
    const before = cursor === undefined ? undefined : readCursor(cursor)
    const found = await app.db.search.messages({ ...query, limit, before })
    const words = wordsOf(query.text)
    const messages = found.map(({ text, ...message }) => {
      const snippet = snippetOf(text, words)
      return { ...message, snippet: snippet.text, matches: snippet.matches.map(([from, to]): [number, number] => [from, to]) }
    })
    const last = found.length < limit ? undefined : found.at(-1)
    return { messages, nextCursor: last ? encodeCursor(last.id) : null }
  }
})
