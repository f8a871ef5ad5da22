import { Type } from '@sinclair/typebox'
import { defineMethod } from '../define.ts'
import { AuditEntry } from './schema.ts'

const LIMIT = 50
/** Limit on the details in one answer, so that many calls at once do not fill the memory. */
const MIB = 4

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
      event: Type.Optional(Type.String({ minLength: 1, maxLength: 256, description: 'Only entries of this event' })),
      actor: Type.Optional(Type.String({ minLength: 1, maxLength: 256, description: 'Only entries of this actor' }))
    },
    { additionalProperties: false }
  ),
  result: Type.Object({
    entries: Type.Array(AuditEntry, { description: 'Only an empty list means that no older entry exists' })
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
    return { entries: await app.audit.list({ ...query, limit, bytes: MIB * 1024 * 1024 }) }
  }
})
