import { Type } from '@sinclair/typebox'
import { defineMethod } from '../../rpc/define.ts'
import { AuditEntry } from './schema.ts'

const LIMIT = 50
/** Of details in one answer: many calls at once must not fill the memory. */
const MIB = 4

export const audit = defineMethod({
  name: 'system.audit',
  summary: 'Show what was done by whom in the last 30 days, newest first (extension)',
  extension: true,
  scope: 'operate',
  params: Type.Object(
    {
      limit: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: 500,
          default: LIMIT,
          description: `Entries at the most. An answer ends earlier where it would have more than ${MIB} MiB of details, though never without an entry`
        })
      ),
      before: Type.Optional(
        Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description: 'The `id` of an entry: only older ones' })
      ),
      event: Type.Optional(Type.String({ minLength: 1, maxLength: 256, description: 'Only entries of this event' })),
      actor: Type.Optional(Type.String({ minLength: 1, maxLength: 256, description: 'Only what this one did' }))
    },
    { additionalProperties: false }
  ),
  result: Type.Object({
    entries: Type.Array(AuditEntry, { description: 'Fewer than `limit` do not mean that there are no more, none do' })
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
