import { systemClock } from '../../lanes/clock.ts'
import { gatewayPlugin } from '../define.ts'
import { Deliveries } from './deliveries.ts'
import { type VapidKeys, vapidKeys } from './vapid.ts'
import { WebPush } from './web-push.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Push notifications to browsers. */
    webPush: WebPush
  }
}

export type { WebPush } from './web-push.ts'

/** Owns `app.webPush`: notifications for browsers whose people have closed the page. */
export default gatewayPlugin(
  { name: 'web-push', dependencies: ['hooks', 'config', 'db', 'connections', 'agent'] },
  async (app) => {
    const settings = () => app.config.webchat.push
    let reading: Promise<VapidKeys> | undefined
    const keys = (): Promise<VapidKeys> => {
      reading ??= vapidKeys(app.config.dataDir).catch((error) => {
        // The next call may find the file repaired.
        reading = undefined
        throw error
      })
      return reading
    }
    const webPush = new WebPush({
      settings,
      keys,
      store: app.db.subscriptions,
      deliveries: new Deliveries({ clock: systemClock, log: app.log }),
      listens: (callerId) => app.connections.serves(callerId),
      now: systemClock.now,
      log: app.log
    })
    app.decorate('webPush', webPush)
    if (settings().enabled) {
      await keys()
      if (settings().subject === undefined) app.log.warn('notifications are off: webchat.push.subject is not set')
    }
    app.hooks.on('agent.reply', (reply) => webPush.tell(reply))
    app.addHook('onClose', () => webPush.close())
  }
)
