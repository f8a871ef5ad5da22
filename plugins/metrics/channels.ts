import { Counter, type Registry } from 'prom-client'
import type { Channels } from '../channels/index.ts'

/** What comes in over channels, and what their platforms are answered. */
export function measuredChannels(registry: Registry, channels: Pick<Channels, 'get' | 'watch'>): void {
  const received = new Counter({
    name: 'flynn_inbound_messages_total',
    help: 'Messages that came in over a channel, by what became of them',
    labelNames: ['channel', 'outcome'],
    registers: [registry]
  })
  const answered = new Counter({
    name: 'flynn_inbound_requests_total',
    help: 'Requests of platforms, by the status they were answered with',
    labelNames: ['route', 'status'],
    registers: [registry]
  })
  channels.watch({
    received(channel, outcome) {
      if (channels.get(channel)) received.inc({ channel, outcome })
    },
    answered: (route, status) => answered.inc({ route, status })
  })
}
