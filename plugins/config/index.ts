import { gatewayPlugin } from '../define.ts'
import { type Attempt, ConfigStore } from './config-store.ts'
import * as methods from './methods.ts'
import { resolveConfig } from './parse/load.ts'
import type { Config, ConfigInput } from './schema.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Configuration in force: complete, frozen. A reload replaces the object. */
    config: Config
    /** Reads and replaces the configuration. */
    configStore: ConfigStore
  }
}

declare module '../hooks/hooks.ts' {
  interface HookEvents {
    /** A reload was put in force or refused. `actor` is the id of a caller, or the watched file. */
    'config.reload': Attempt
  }
}

export type { ConfigStore } from './config-store.ts'
export { checkListening } from './parse/checks.ts'
export { loadConfig } from './parse/load.ts'
export { ConfigError } from './parse/problems.ts'
export { maskerOf, redactPaths } from './redaction.ts'
export type { Config, ConfigInput } from './schema.ts'
export { ConfigSource } from './source.ts'
export { FileWatch } from './watch.ts'

export interface ConfigOptions {
  readonly config?: ConfigInput
  /** Reads the configuration again for a reload. Without it there is no reload. */
  readonly reload?: (() => Promise<ConfigInput>) | undefined
}

/**
 * Owns `app.config`, the configuration in force, and `app.configStore`, which replaces it. A library must not read its host's
 * environment: only what the host passes and the defaults count.
 */
export default gatewayPlugin<ConfigOptions>(
  { name: 'config', dependencies: ['hooks', 'rpc'] },
  async (app, { config = {}, reload }) => {
    const read = reload && (async () => resolveConfig(await reload()))
    const store = new ConfigStore({
      config: resolveConfig(config),
      read,
      log: app.log,
      reloaded: (attempt) => app.hooks.emit('config.reload', attempt)
    })
    app.decorate('config', { getter: () => store.current })
    app.decorate('configStore', store)
    for (const method of Object.values(methods)) app.rpc.method(method)

    app.hooks.on('config.reload', ({ actor, ...outcome }) => {
      if ('refused' in outcome) {
        const { message, kind, cause } = outcome.refused
        if (kind === 'InternalError') app.log.error({ actor, err: cause }, message)
        else app.log.warn({ actor }, message)
        return
      }
      const { changed, restartRequired } = outcome
      if (restartRequired.length > 0) app.log.warn({ actor, restartRequired }, 'changed settings need a restart')
      if (changed.length > 0) app.log.info({ actor, changed }, 'configuration reloaded')
      else app.log.debug({ actor }, 'configuration read again without changes')
    })
  }
)
