import { type TSchema, Type } from '@sinclair/typebox'
import { named } from '../named.ts'

/** Work on something of the machine that goes on after its request was answered. */
export const Job = named(
  'Job',
  Type.Object(
    {
      action: Type.String(),
      state: Type.Union([Type.Literal('running'), Type.Literal('done'), Type.Literal('failed')]),
      startedAt: Type.Integer({ description: 'Epoch milliseconds' }),
      endedAt: Type.Optional(Type.Integer({ description: 'Epoch milliseconds' })),
      text: Type.String({ description: 'Current step, or the outcome' })
    },
    { description: 'The update that runs, or the last one (extension)' }
  )
)

export const Problem = Type.String({ description: 'Why it cannot be seen or controlled (extension)' })

export const actions = <T extends TSchema>(action: T) =>
  Type.Array(action, { description: 'Actions that are possible now; none while an update runs' })
