import { Counter, Gauge, type Registry } from 'prom-client'
import type { Connections } from '../connections/index.ts'

/** Live sockets, what they are owed, and those that were given up. */
export function measuredConnections(registry: Registry, connections: Pick<Connections, 'size' | 'owed' | 'onSlow'>): void {
  const registers = [registry]
  new Gauge({
    name: 'flynn_connections',
    help: 'Live sockets',
    registers,
    collect() {
      this.set(connections.size)
    }
  })
  new Gauge({
    name: 'flynn_send_buffer_bytes',
    help: 'What live sockets have not taken yet, all together',
    registers,
    collect() {
      this.set(connections.owed)
    }
  })
  const slow = new Counter({
    name: 'flynn_slow_consumers_total',
    help: 'Clients that were given up because they did not read',
    labelNames: ['transport'],
    registers
  })
  for (const transport of ['ws', 'http']) slow.inc({ transport }, 0)
  connections.onSlow((transport) => slow.inc({ transport }))
}
