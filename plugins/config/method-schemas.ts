import { Type } from '@sinclair/typebox'
import { named } from '../../rpc/named.ts'

/** The configuration in force, in camelCase. */
export const Shown = named(
  'Shown',
  Type.Object({}, { additionalProperties: true, description: 'Configuration in force: every key with a value, secrets as `***`' })
)

const paths = (description: string) => Type.Array(Type.String(), { description })

export const Reloaded = named(
  'Reloaded',
  Type.Object({
    success: Type.Boolean(),
    changed: Type.Optional(paths('Paths of the settings that changed, as the file writes them (extension)')),
    restartRequired: Type.Optional(paths('Paths of the settings whose new value takes effect after a restart (extension)'))
  })
)
