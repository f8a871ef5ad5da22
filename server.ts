import { createRequire } from 'node:module'

// The entry `flynn-gateway/server`: the standalone gateway, and the parts of it that a host may use.
export { type Config, ConfigError, type ConfigInput, loadConfig } from './plugins/config/index.ts'
export { OwnLog } from './plugins/observability/own-log.ts'
export { type StartFlags, serve, Unavailable } from './server/serve.ts'

/** Started as a program, also through the link that a package manager makes of it. */
function isMain(): boolean {
  try {
    return createRequire(import.meta.url).resolve(process.argv[1] ?? '') === import.meta.filename
  } catch {
    return false
  }
}

// `node server.ts` is `flynn-gateway`. Not awaited: CommonJS programs can require modules without a top-level await alone.
if (isMain()) void import('./cli.ts')
