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
    restartRequired: Type.Optional(paths('Paths of the settings whose new value takes effect after a restart (extension)')),
    changes: Type.Optional(
      Type.Array(
        Type.Object({
          path: Type.String(),
          before: Type.Unknown({ description: 'Value in force, without secrets; null: not set' }),
          after: Type.Unknown({ description: 'Value that was read, without secrets; null: not set' }),
          needsRestart: Type.Boolean()
        }),
        { description: 'With `dryRun`: what a reload would change (extension)' }
      )
    ),
    hash: Type.Optional(Type.String({ description: 'With `dryRun`: `baseHash` of the reload (extension)' }))
  })
)

/** One setting, with its place. */
export const SettingEntry = named(
  'SettingEntry',
  Type.Object({
    path: Type.String({ description: 'As the file writes it: `server.port`' }),
    description: Type.String(),
    value: Type.Unknown({ description: 'Value in force, secrets as `***`; null: not set' }),
    default: Type.Unknown({ description: 'null: there is none' }),
    origin: Type.Union(
      (['default', 'file', 'environment', 'flag', 'host'] as const).map((word) => Type.Literal(word)),
      { description: 'host: a value of the program that embeds the gateway' }
    ),
    place: Type.Optional(Type.String({ description: '`flynn.yaml:4:9`, `FLYNN_SERVER__PORT` or `--port`' })),
    secret: Type.Boolean(),
    needsRestart: Type.Boolean({ description: 'A reload does not put a new value in force' })
  })
)
