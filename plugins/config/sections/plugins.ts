import { Type } from '@sinclair/typebox'
import { named, restart } from './schema-helpers.ts'

/** Package name or path. A path is made absolute, relative to the file that names it. */
const module = { module: true, pattern: '\\S', expected: 'the name of a package, or a path such as ./weather.ts' } as const

const Plugin = Type.Object(
  {
    module: Type.String({ description: 'Package name, or path of a module relative to the configuration file', ...module }),
    options: named('.', Type.Unknown({ description: 'Option of the plugin' }), {
      description: 'Options of the plugin, as its documentation names them',
      default: {},
      key: 'the name of an option',
      expected: 'an object of options'
    })
  },
  {
    additionalProperties: false,
    description: 'One plugin',
    // A bare string is the module.
    shorthand: 'module',
    expected: 'a module, or an object with module and options'
  }
)

export const PluginsSection = Type.Array(Plugin, {
  description: 'Plugins, loaded after the built-in ones in this order',
  default: [],
  ...restart
})
