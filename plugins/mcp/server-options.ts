import type { Config } from '../config/index.ts'

/** One server of `tools.mcp`. */
export type ServerSettings = Config['tools']['mcp'][string]

/** What a server gets. Times in milliseconds; tests shorten them. */
export interface Limits {
  /** From the start to the list of tools: `npx` may have to fetch a package first. */
  readonly startMs: number
  /** How long whoever asks for tools waits for a server that has never been there; the run it belongs to waits as long. */
  readonly patienceMs: number
  /** One call. Twice what a command of `shell.exec` gets: most of these go over a network. */
  readonly callMs: number
  /** Between a request to end and the end by force. */
  readonly graceMs: number
  /** The least time between two looks at a list that keeps changing. */
  readonly refreshMs: number
}

export const LIMITS: Limits = {
  startMs: 60_000,
  patienceMs: 5000,
  callMs: 120_000,
  graceMs: 2000,
  refreshMs: 1000
}
