import type { Config } from '../config/index.ts'

/** One server of `tools.mcp`. */
export type ServerSettings = Config['tools']['mcp'][string]

/** Time limits of a server, in milliseconds. */
export interface Limits {
  /** From the start to the list of tools: `npx` may have to fetch a package first. */
  readonly startMs: number
  /** Wait of the first callers for the list of a server. The run of such a caller waits as long. */
  readonly patienceMs: number
  /** One call. Twice the time of `shell.exec`, because most calls go over a network. */
  readonly callMs: number
  /** Between a request to end and the end by force. */
  readonly graceMs: number
  /** Least time between two reads of a list that keeps changing. */
  readonly refreshMs: number
}

export const LIMITS: Limits = {
  startMs: 60_000,
  patienceMs: 5000,
  callMs: 120_000,
  graceMs: 2000,
  refreshMs: 1000
}
