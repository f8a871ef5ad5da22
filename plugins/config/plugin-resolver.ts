import { createRequire, registerHooks } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = dirname(fileURLToPath(import.meta.resolve('#package.json')))

/**
 * Resolves the modules of configured plugins. A package is looked up beside the configuration file first, then beside the gateway,
 * and the packages that a plugin imports are too: a plugin in a mounted folder, which has no `node_modules`, finds `flynn-gateway`
 * and its dependencies. Everything else in the process resolves as before.
 */
export class PluginResolver {
  readonly #home: string
  /** Folders whose modules may fall back to the packages of the gateway. */
  readonly #folders = new Set<string>()
  readonly #hooks: ReturnType<typeof registerHooks>

  /** @param home folder of the configuration file */
  constructor(home: string) {
    this.#home = pathToFileURL(join(home, 'flynn.yaml')).href
    this.#folders.add(new URL('.', this.#home).href)
    this.#hooks = registerHooks({
      resolve: (specifier, context, next) => {
        const parent = specifier.startsWith(MARK) ? this.#home : context.parentURL
        const wanted = specifier.startsWith(MARK) ? specifier.slice(MARK.length) : specifier
        try {
          return next(wanted, { ...context, parentURL: parent })
        } catch (cause) {
          if (!isPackage(wanted) || !this.#isPlugin(parent) || (cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND')
            throw cause
          return next(sourceOf(wanted) ?? wanted, { ...context, parentURL: import.meta.url })
        }
      }
    })
  }

  /** Imports a package, or a module by its absolute path. */
  async import(module: string): Promise<{ readonly default?: unknown }> {
    if (isPackage(module)) return await import(`${MARK}${module}`)
    const url = pathToFileURL(module).href
    this.#folders.add(new URL('.', url).href)
    return await import(url)
  }

  close(): void {
    this.#hooks.deregister()
  }

  #isPlugin(parent: string | undefined): boolean {
    return parent !== undefined && [...this.#folders].some((folder) => parent.startsWith(folder))
  }
}

/** Marks a package that is to be resolved beside the configuration file. */
const MARK = 'flynn-plugin-package:'

function isPackage(specifier: string): boolean {
  return !/^(?:\.{0,2}\/|[a-z][a-z+.-]*:|#)/i.test(specifier)
}

/** In a clone `flynn-gateway/types` is a source, which is loaded already: the build would be a second copy. */
function sourceOf(specifier: string): string | undefined {
  const [, entry] = /^flynn-gateway(\/.*)?$/.exec(specifier) ?? []
  if (!import.meta.url.endsWith('.ts') || (entry === undefined && specifier !== 'flynn-gateway')) return undefined
  const { exports } = createRequire(import.meta.url)('#package.json') as { exports: Record<string, { default?: string }> }
  const built = exports[`.${entry ?? ''}`]?.default
  return built && pathToFileURL(join(root, built.replace('./dist/', '').replace(/\.js$/, '.ts'))).href
}
