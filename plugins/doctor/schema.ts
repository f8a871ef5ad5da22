import { Type } from '@sinclair/typebox'
import { named } from '../../rpc/named.ts'

export const Finding = named(
  'Finding',
  Type.Object({
    check: Type.String({ description: 'Name of the check' }),
    status: Type.Union([Type.Literal('pass'), Type.Literal('warn'), Type.Literal('fail')]),
    message: Type.String({ description: 'Result of the check, in one line' }),
    fix: Type.Optional(Type.String({ description: 'Suggested action. Absent when the check passes' }))
  })
)
