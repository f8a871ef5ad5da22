import { Type } from '@sinclair/typebox'
import { named } from '../../rpc/named.ts'

/** The configuration in force, whole, in camelCase. */
export const Shown = named(
  'Shown',
  Type.Object(
    {},
    { additionalProperties: true, description: 'The configuration in force: every key that has a value, secrets as `***`' }
  )
)

const paths = (description: string) => Type.Array(Type.String(), { description })

export const Reloaded = named(
  'Reloaded',
  Type.Object({
    success: Type.Boolean(),
    changed: Type.Optional(paths('Paths of the settings that have another value now, as the file writes them (extension)')),
    restartRequired: Type.Optional(
      paths('Paths of the settings whose new value holds after a restart; until then the running one does (extension)')
    )
  })
)
