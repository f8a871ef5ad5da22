import type { Config } from '../../plugins/config/schema.ts'
import type { Finding } from '../../plugins/doctor/index.ts'
import { ask } from '../probe.ts'
import { targetOf } from '../target.ts'

/** More than the gateway gives each check. */
const PATIENCE_MS = 15_000

/** Findings of the checks that plugins of a running gateway have registered. None where no gateway answers: `checkPort` reports that. */
export async function checkPlugins(config: Config): Promise<readonly Finding[]> {
  if (config.server.port === 0) return []
  try {
    const question = { path: '/rpc/system.doctor', body: {}, patienceMs: PATIENCE_MS }
    const { body } = await ask<{ readonly result?: { readonly findings: readonly Finding[] } }>(await targetOf(config), question)
    return body?.result?.findings ?? []
  } catch {
    return []
  }
}
