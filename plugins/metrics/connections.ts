import { Counter, Gauge, type Registry } from 'prom-client'
import type { Connections } from '../connections/index.ts'
import type { Hooks } from '../hooks/index.ts'

/** Live sockets, the bytes they have not read, and clients that were given up. */
export function measureConnections(
  registry: Registry,
  hooks: Pick<Hooks, 'on'>,
  connections: Pick<Connections, 'size' | 'owed'>
): void {
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
    help: 'Bytes that all live sockets together have not taken yet',
    registers,
    collect() {
      this.set(connections.owed)
    }
  })
  const slow = new Counter({
    name: 'flynn_slow_consumers_total',
    help: 'Clients that were disconnected because they did not read',
    labelNames: ['transport'],
    registers
  })
  for (const transport of ['ws', 'http']) slow.inc({ transport }, 0)
  hooks.on('connection.slow', ({ transport }) => slow.inc({ transport }))
}
