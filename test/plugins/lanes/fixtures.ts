import type { Db } from '../../../db/client.ts'
import { systemClock } from '../../../lanes/clock.ts'
import { Hooks } from '../../../plugins/hooks/hooks.ts'
import { GatewayLanes, type GatewayLanesOptions } from '../../../plugins/lanes/gateway-lanes.ts'
import { Policies } from '../../../plugins/lanes/policies.ts'

const POLICY = { mode: 'followup', cap: 20, overflow: 'drop_old', debounceMs: 250, summarizeOverflow: true } as const

/** Lanes without a gateway around them, for work: it is not stored, and so there need not be a database. */
export function workLanes({
  db = {} as Db,
  ...options
}: Partial<Omit<GatewayLanesOptions, 'db'>> & { readonly db?: Db } = {}): GatewayLanes {
  return new GatewayLanes({
    clock: systemClock,
    hooks: new Hooks({ error() {} }),
    db,
    policies: new Policies({ config: { default: POLICY, channels: {} }, db }),
    recovery: 'abandon',
    maxConcurrentRuns: 4,
    runTimeoutMs: 60_000,
    abandonAfterMs: 5000,
    ...options
  })
}
