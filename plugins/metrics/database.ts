import { Histogram, type Registry } from 'prom-client'
import type { Db } from '../../db/client.ts'

/** The database answers at once, and the event loop waits meanwhile: from 10 µs to what a lock of another process costs. */
const BUCKETS = [0.00001, 0.00005, 0.00025, 0.001, 0.005, 0.025, 0.1, 0.5, 2.5]

/** How long the database takes. */
export function measuredDatabase(registry: Registry, db: Pick<Db, 'onTime'>): void {
  const duration = new Histogram({
    name: 'flynn_database_seconds',
    help: 'How long statements took, and transactions, which hold statements and a commit',
    labelNames: ['what'],
    buckets: BUCKETS,
    registers: [registry]
  })
  db.onTime((what, seconds) => duration.observe({ what }, seconds))
}
