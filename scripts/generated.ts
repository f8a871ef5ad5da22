import { readFile } from 'node:fs/promises'
import * as plugins from '../plugins/index.ts'
import { clientTypesText, TYPES_FILE } from './client/types.ts'
import { configTables } from './config-table.ts'
import { code, table } from './protocol/markdown.ts'
import { PROTOCOL_FILE, protocolText } from './protocol/text.ts'

const ROOT = new URL('./', import.meta.resolve('#package.json'))

/** A document of the repository, and its text as the definitions have it now. */
export interface Generated {
  readonly file: URL
  readonly text: string
}

/** Every document that is made from definitions, whole or in parts. */
export async function generated(): Promise<Generated[]> {
  return [
    { file: PROTOCOL_FILE, text: await protocolText() },
    { file: TYPES_FILE, text: await clientTypesText() },
    await withBlock('plugins/README.md', 'plugins', await pluginTable()),
    await withBlock('docs/configuration.md', 'keys', configTables())
  ]
}

/** The file with the lines between `<!-- generated: name -->` and `<!-- end -->` replaced. */
async function withBlock(name: string, block: string, content: string): Promise<Generated> {
  const file = new URL(name, ROOT)
  const text = await readFile(file, 'utf8')
  const [, before, after] =
    new RegExp(`^([\\s\\S]*<!-- generated: ${block} -->\n)[\\s\\S]*?(\n<!-- end -->[\\s\\S]*)$`).exec(text) ?? []
  if (before === undefined) throw new Error(`${name} has no block '${block}'`)
  return { file, text: `${before}${content}${after}` }
}

/** Built-in plugins: name, decorators, dependencies. */
async function pluginTable(): Promise<string> {
  const list = await readFile(new URL('plugins/index.ts', ROOT), 'utf8')
  const files = new Map(Array.from(list.matchAll(/default as (\w+) \} from '\.\/([^']+)'/g), ([, name, file]) => [name, file]))
  const rows = await Promise.all(
    Object.entries(plugins).map(async ([variable, plugin]) => {
      const { name, dependencies } = metaOf(plugin)
      const source = await readFile(new URL(`plugins/${files.get(variable)}`, ROOT), 'utf8')
      const [, declared = ''] = /interface GatewayDecorators \{([\s\S]*?)\n {2}\}/.exec(source) ?? []
      const decorators = Array.from(declared.matchAll(/^ {4}(\w+):/gm), ([, decorator]) => code(`app.${decorator}`))
      const needs = dependencies.map((dependency) => code(dependency.replace('flynn:', '')))
      return [code(name.replace('flynn:', '')), decorators.join(', ') || '–', needs.join(', ') || '–']
    })
  )
  return table(
    ['plugin', 'decorators', 'dependencies'],
    rows.sort(([one], [other]) => (one! < other! ? -1 : 1))
  )
}

/** Metadata that fastify-plugin attaches. */
function metaOf(plugin: object): { readonly name: string; readonly dependencies: readonly string[] } {
  return (plugin as Record<symbol, never>)[Symbol.for('plugin-meta')]!
}
