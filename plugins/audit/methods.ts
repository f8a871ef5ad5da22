import { Type } from '@sinclair/typebox'
import { defineMethod } from '../define.ts'
import { AuditEntry } from './schema.ts'

const LIMIT = 50
/** Limit on the details in one answer, so that many calls at once do not fill the memory. */
const MIB = 4

const TIME = (description: string) =>
  Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: `${description}, epoch milliseconds` })

export const audit = defineMethod({
  name: 'system.audit',
  summary: 'List recorded actions and their actors, newest first (extension)',
  extension: true,
  scope: 'operate',
  params: Type.Object(
    {
      limit: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: 500,
          default: LIMIT,
          description: `Maximum number of entries. An answer also ends at ${MIB} MiB of details, but has at least one entry`
        })
      ),
      before: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: Number.MAX_SAFE_INTEGER,
          description: 'Id of an entry: only older ones are returned'
        })
      ),
      event: Type.Optional(
        Type.String({ minLength: 1, maxLength: 256, description: 'Only entries of this event; `tool.*` for all that begin so' })
      ),
      actor: Type.Optional(Type.String({ minLength: 1, maxLength: 256, description: 'Only entries of this actor' })),
      sessionId: Type.Optional(Type.String({ minLength: 1, maxLength: 256, description: 'Only entries about this session' })),
      since: Type.Optional(TIME('Only entries from this time on')),
      until: Type.Optional(TIME('Only entries before this time'))
    },
    { additionalProperties: false }
  ),
  result: Type.Object({
    entries: Type.Array(AuditEntry, { description: 'Only an empty list means that no older entry exists' }),
    total: Type.Optional(Type.Integer({ minimum: 0, description: 'Number of entries that match, on all pages' }))
  }),
  examples: [
    {
      params: { limit: 1, event: 'tool.run' },
      result: {
        entries: [
          {
            id: 812,
            at: 1739448000000,
            event: 'tool.run',
            actor: 'token:dash',
            detail: { tool: 'shell.exec', sessionId: 'telegram:123456', success: true }
          }
        ]
      }
    }
  ],
  async handler({ limit = LIMIT, ...query }, { app }) {
    const { before, ...filter } = query
    const entries = await app.audit.list({ ...query, limit, bytes: MIB * 1024 * 1024 })
    return { entries, total: await app.audit.count(filter) }
  }
})
