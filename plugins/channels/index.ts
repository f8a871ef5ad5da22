import { systemClock } from '../../lanes/clock.ts'
import { gatewayPlugin } from '../define.ts'
import { Channels } from './channels.ts'
import { list } from './methods.ts'
import { Outbox } from './outbox.ts'
import { UnknownSenders } from './unknown-senders.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Adapters to platforms. */
    channels: Channels
  }
}

export type { Channels } from './channels.ts'

/** Owns `app.channels`. The outbox starts once the gateway listens. */
export default gatewayPlugin(
  { name: 'channels', dependencies: ['hooks', 'config', 'db', 'lanes', 'presence', 'pairing', 'commands', 'agent'] },
  async (app) => {
    const { hooks, db, log, agent, commands, presence, pairing } = app
    const outbox = new Outbox({ store: db.outbox, channel: (name) => channels.get(name), clock: systemClock, log })
    const unknownSenders = new UnknownSenders({ pairing, clock: systemClock, log })
    const now = systemClock.now
    const channels: Channels = new Channels({ hooks, agent, commands, presence, pairing, db, unknownSenders, outbox, now, log })
    app.decorate('channels', channels)
    app.rpc.method(list)
    app.addHook('onReady', async () => {
      const missing = [...channels.routes].map(({ url, missing }) => [url, missing().join(', ')] as const)
      const off = missing.filter(([, keys]) => keys !== '')
      if (off.length > 0) log.debug({ missing: Object.fromEntries(off) }, 'platforms that are not configured answer 503')
      const { default: fallback, channels: byChannel } = app.config.pairing
      const open = [
        ...(fallback === 'open' ? ['default'] : []),
        ...Object.keys(byChannel).flatMap((name) => (byChannel[name] === 'open' ? [`channels.${name}`] : []))
      ].map((key) => `pairing.${key}`)
      if (open.length > 0) log.warn({ open }, 'pairing is open: everyone who finds the channel can talk to the agent, as a guest')
    })
    app.addHook('onListen', async () => {
      if (channels.list().length > 0) outbox.look()
    })
    app.addHook('onClose', async () => {
      // The last runs end now, and their answers are still delivered.
      await app.lanes.close(app.config.server.shutdownGraceSeconds * 1000)
      await outbox.close()
    })
  }
)
