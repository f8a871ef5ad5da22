import { Counter, type Registry } from 'prom-client'
import type { Channels } from '../channels/index.ts'
import type { Hooks } from '../hooks/index.ts'

/** Messages that come in over channels, and the answers to the requests of their platforms. */
export function measureChannels(registry: Registry, hooks: Pick<Hooks, 'on'>, channels: Pick<Channels, 'get'>): void {
  const received = new Counter({
    name: 'flynn_inbound_messages_total',
    help: 'Messages that came in over a channel, by outcome',
    labelNames: ['channel', 'outcome'],
    registers: [registry]
  })
  const answered = new Counter({
    name: 'flynn_inbound_requests_total',
    help: 'Requests of platforms, by the status of the answer',
    labelNames: ['route', 'status'],
    registers: [registry]
  })
  hooks.on('channel.received', ({ channel, outcome }) => {
    if (channels.get(channel)) received.inc({ channel, outcome })
  })
  hooks.on('channel.answered', ({ route, status }) => answered.inc({ route, status }))
}
