import { Type } from '@sinclair/typebox'
import { Cursor, cursorReader, encodeCursor, NextCursor } from '../../rpc/cursor.ts'
import { SessionId } from '../../rpc/schemas/session.ts'
import { defineMethod } from '../define.ts'
import { exported, FORMATS } from './export-text.ts'
import { historyOf } from './history.ts'

/** Messages and MiB of text of one page. */
const PAGE = 500
const PAGE_MIB = 2
const readCursor = cursorReader(Type.Integer({ minimum: 1 }))

export const exportSession = defineMethod({
  name: 'sessions.export',
  summary: 'Write a session as Markdown or JSON, in pages (extension)',
  extension: true,
  scope: 'read',
  errors: ['SessionNotFound'],
  params: Type.Object(
    {
      sessionId: SessionId,
      format: Type.Optional(
        Type.Union(
          FORMATS.map((format) => Type.Literal(format)),
          { default: 'markdown' }
        )
      ),
      cursor: Type.Optional(Cursor)
    },
    { additionalProperties: false }
  ),
  result: Type.Object({
    filename: Type.String(),
    mimeType: Type.String(),
    content: Type.String({ description: 'The contents of all pages, joined, are the document. Long outputs of tools are cut' }),
    nextCursor: NextCursor
  }),
  examples: [
    {
      params: { sessionId: 'telegram:123456', format: 'markdown' },
      result: {
        filename: 'telegram-123456.md',
        mimeType: 'text/markdown',
        content: '# Nightly backup\n\n## User · 2025-02-13T12:00:00.000Z\n\nHello\n\n',
        nextCursor: null
      }
    }
  ],
  async handler({ sessionId, format = 'markdown', cursor }, { app }) {
    const after = cursor === undefined ? 0 : readCursor(cursor)
    const { session, messages, newer } = await app.sessions.get(sessionId, {
      limit: PAGE,
      bytes: PAGE_MIB * 1024 * 1024,
      after
    })
    const entries = historyOf(messages)
    const name = sessionId.replace(/[^\p{L}\p{N}]+/gu, '-').slice(0, 100)
    return {
      filename: `${name}.${format === 'json' ? 'json' : 'md'}`,
      mimeType: format === 'json' ? 'application/json' : 'text/markdown',
      content: exported(format, session, entries, { first: cursor === undefined, last: !newer }),
      nextCursor: newer ? encodeCursor(entries.at(-1)!.id) : null
    }
  }
})
