import { Type } from '@sinclair/typebox'

/** One thing that was done. Secrets are masked before it is stored. */
export const AuditEntry = Type.Object({
  id: Type.Integer({ description: 'Rises with each entry; give the last one as `before` to get the page after it' }),
  at: Type.Integer({ description: 'Epoch milliseconds' }),
  event: Type.String({ description: '`<group>.<what>`, such as tool.run' }),
  actor: Type.String({ description: 'The id of the caller, or where an unknown one came from' }),
  detail: Type.Record(Type.String(), Type.Unknown())
})
