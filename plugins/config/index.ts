import { gatewayPlugin } from '../../types.ts'
import { resolveConfig } from './load.ts'
import type { ConfigInput } from './schema.ts'

export { loadConfig } from './load.ts'
export { ConfigError } from './problems.ts'
export { redactPaths } from './redact.ts'
export type { Config, ConfigInput } from './schema.ts'

/**
 * Owns `app.config`. A library must not read its host's environment by surprise: what is in `config`, and the
 * defaults, is all there is.
 */
export default gatewayPlugin<{ config?: ConfigInput }>({ name: 'config' }, async (app, { config = {} }) => {
  app.decorate('config', resolveConfig(config))
})
