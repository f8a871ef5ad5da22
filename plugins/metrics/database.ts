import { Histogram, type Registry } from 'prom-client'
import type { Hooks } from '../hooks/index.ts'

/** The database is synchronous and blocks the event loop: buckets from 10 µs to the wait for a lock of another process. */
const BUCKETS = [0.00001, 0.00005, 0.00025, 0.001, 0.005, 0.025, 0.1, 0.5, 2.5]

/** Time that the database takes. */
export function measureDatabase(registry: Registry, hooks: Pick<Hooks, 'on'>): void {
  const duration = new Histogram({
    name: 'flynn_database_seconds',
    help: 'Duration of statements, and of transactions, which include their statements and the commit',
    labelNames: ['what'],
    buckets: BUCKETS,
    registers: [registry]
  })
  hooks.on('db.time', ({ kind, seconds }) => duration.observe({ what: kind }, seconds))
}
