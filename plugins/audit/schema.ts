import { Type } from '@sinclair/typebox'
import { named } from '../../rpc/named.ts'

/** One recorded action. Secrets are masked before it is stored. */
export const AuditEntry = named(
  'AuditEntry',
  Type.Object({
    id: Type.Integer({ description: 'Rises with each entry. Pass the last one as `before` to get the next page' }),
    at: Type.Integer({ description: 'Epoch milliseconds' }),
    event: Type.String({ description: '`<group>.<action>`, such as tool.run' }),
    actor: Type.String({ description: 'Id of the caller, or address of an unknown one' }),
    detail: Type.Record(Type.String(), Type.Unknown())
  })
)
