import type { Config } from '../config/index.ts'

/** One server of `tools.mcp`. */
export type Settings = Config['tools']['mcp'][string]
