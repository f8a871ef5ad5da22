import type { Db } from '../../../db/client.ts'
import { systemClock } from '../../../lanes/clock.ts'
import { GatewayLanes, type GatewayLanesOptions } from '../../../plugins/lanes/gateway-lanes.ts'
import { Policies } from '../../../plugins/lanes/policies.ts'

const POLICY = { mode: 'followup', cap: 20, overflow: 'drop_old', debounceMs: 250, summarizeOverflow: true } as const

/** Lanes without a gateway around them, for work: it is not stored, and so there need not be a database. */
export function workLanes({ db, ...options }: Partial<GatewayLanesOptions> & { readonly db?: Db } = {}): GatewayLanes {
  const { queue, sessions } = db ?? ({} as Db)
  return new GatewayLanes({
    clock: systemClock,
    queue,
    policies: new Policies({ config: { default: POLICY, channels: {} }, db: { sessions } }),
    recovery: 'abandon',
    maxConcurrentRuns: 4,
    runTimeoutMs: 60_000,
    abandonAfterMs: 5000,
    ...options
  })
}
