import { execFile } from 'node:child_process'
import { isAbsolute, relative } from 'node:path'
import { promisify } from 'node:util'
import type { FastifyPluginAsync } from 'fastify'
import { gatewayPlugin } from '../define.ts'
import { type ConfigOrigin, originOf } from './parse/load.ts'
import { ConfigError, Problems } from './parse/problems.ts'
import { PluginResolver } from './plugin-resolver.ts'

/**
 * Loads the plugins of `plugins:` in the configuration, in their order. One that cannot be loaded, refuses its options or fails stops the
 * start, with the place where it is configured and the reason.
 */
export default gatewayPlugin({ name: 'configured-plugins', dependencies: ['config'] }, async (app) => {
  const { plugins } = app.config
  if (plugins.length === 0) return
  const origin = originOf(app.config)
  const resolver = new PluginResolver(origin.home)
  app.addHook('onClose', async () => resolver.close())
  for (const [index, { module, options }] of plugins.entries()) {
    const path = `plugins[${index}]`
    const name = isAbsolute(module) ? `./${relative(origin.home, module)}` : module
    try {
      const plugin = await load(resolver, module)
      await app.register(plugin, { ...options })
    } catch (cause) {
      resolver.close()
      throw explained(cause, { path, name, origin })
    }
    app.log.info({ plugin: name }, 'plugin loaded')
  }
})

async function load(resolver: PluginResolver, module: string): Promise<FastifyPluginAsync<Record<string, unknown>>> {
  let imported: { readonly default?: unknown }
  try {
    imported = await resolver.import(module)
  } catch (cause) {
    throw new LoadError(await reasonOf(cause, module), { cause })
  }
  // A CommonJS module that was compiled from ESM has its default export inside.
  const plugin = (imported.default as { default?: unknown } | undefined)?.default ?? imported.default
  if (typeof plugin === 'function') return plugin as FastifyPluginAsync<Record<string, unknown>>
  throw new LoadError('its default export must be a function `async (app, options) => …`')
}

/** A module that cannot be loaded, or that is no plugin. */
class LoadError extends Error {}

interface Configured {
  /** `plugins[0]` */
  readonly path: string
  readonly name: string
  readonly origin: ConfigOrigin
}

function explained(cause: unknown, { path, name, origin }: Configured): Error {
  const problems = new Problems()
  const add = (at: string, text: string) => problems.add(origin.placeOf(at), at, text)
  const { message, issues } = cause as Error & {
    readonly issues?: readonly { readonly path: string; readonly message: string }[]
  }
  if (issues) for (const issue of issues) add(`${path}.${issue.path}`, `${issue.message} (plugin ${name})`)
  else if (cause instanceof LoadError) add(path, `plugin ${name} cannot be loaded: ${message}`)
  // Its own failure, which may pass: the configuration is not to blame.
  else
    return new Error(`${[origin.placeOf(path), path].filter(Boolean).join(' ')} plugin ${name} failed to start: ${message}`, {
      cause
    })
  return new ConfigError(problems.lines)
}

/** Message of a failed import, with the file and line of a syntax error. */
async function reasonOf(cause: unknown, module: string): Promise<string> {
  if (!(cause instanceof Error)) return String(cause)
  const [message] = cause.message.split('\n', 1)
  if (cause.name !== 'SyntaxError') return message!
  const place = placeIn(cause.stack ?? '') ?? (isAbsolute(module) ? placeIn(await checked(module)) : undefined)
  return place ? `${message} (${place})` : message!
}

/** Place that Node.js prints above the message of a syntax error: `/home/me/weather.ts:3`. */
function placeIn(text: string): string | undefined {
  return /^(\/\S+:\d+)$/m.exec(text)?.[1]
}

/** Output of a syntax check. The error of an import of JavaScript has no place, that of the check has. */
async function checked(file: string): Promise<string> {
  return await promisify(execFile)(process.execPath, ['--check', file]).then(
    () => '',
    ({ stderr }: { stderr?: string }) => stderr ?? ''
  )
}
