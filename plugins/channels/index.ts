import { systemClock } from '../../lanes/clock.ts'
import { gatewayPlugin } from '../define.ts'
import { Channels } from './channels.ts'
import { Outbox } from './outbox.ts'
import { UnknownSenders } from './unknown-senders.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Adapters to platforms. */
    channels: Channels
  }
}

export type { Channels } from './channels.ts'

/** Owns `app.channels`. What is still to be said is said once the gateway listens. */
export default gatewayPlugin(
  { name: 'channels', dependencies: ['hooks', 'config', 'db', 'lanes', 'presence', 'pairing', 'agent'] },
  async (app) => {
    const { hooks, db, log, agent, presence, pairing } = app
    const outbox = new Outbox({ store: db.outbox, channel: (name) => channels.get(name), clock: systemClock, log })
    const strangers = new UnknownSenders({ pairing, clock: systemClock, log })
    const channels: Channels = new Channels({ hooks, agent, presence, db, strangers, outbox, now: systemClock.now, log })
    app.decorate('channels', channels)
    app.addHook('onReady', async () => {
      const off = [...channels.routes]
        .map(({ url, missing }) => [url, missing().join(', ')] as const)
        .filter(([, keys]) => keys !== '')
      if (off.length > 0)
        app.log.info({ missing: Object.fromEntries(off) }, 'routes of platforms that are not configured answer 503')
    })
    app.addHook('onListen', async () => {
      if (channels.list().length > 0) outbox.look()
    })
    app.addHook('onClose', async () => {
      // The last runs end now, and what they say is to be heard.
      await app.lanes.close(app.config.server.shutdownGraceSeconds * 1000)
      await outbox.close()
    })
  }
)
