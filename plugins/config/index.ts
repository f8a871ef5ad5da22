import { gatewayPlugin } from '../../types.ts'
import { ConfigStore } from './config-store.ts'
import { resolveConfig } from './parse/load.ts'
import type { ConfigInput } from './schema.ts'

export type { ConfigStore } from './config-store.ts'
export { checkListening } from './parse/checks.ts'
export { ConfigError } from './parse/problems.ts'
export { maskerOf, redactPaths } from './redaction.ts'
export type { Config, ConfigInput } from './schema.ts'
export { ConfigSource } from './source.ts'
export { FileWatch } from './watch.ts'

export interface ConfigOptions {
  readonly config?: ConfigInput
  /** Gathers the configuration anew, for a reload. Absent: there is none. */
  readonly reload?: (() => Promise<ConfigInput>) | undefined
}

/**
 * Owns `app.config`, which is what is in force now, and `app.configStore`, which makes it another one. A library must not read its
 * host's environment by surprise: what the host hands over, and the defaults, is all there is.
 */
export default gatewayPlugin<ConfigOptions>({ name: 'config' }, async (app, { config = {}, reload }) => {
  const read = reload && (async () => resolveConfig(await reload()))
  const store = new ConfigStore({ config: resolveConfig(config), read, log: app.log })
  app.decorate('config', { getter: () => store.current })
  app.decorate('configStore', store)
})
