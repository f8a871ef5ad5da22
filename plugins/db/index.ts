import { type Db, databaseIn, open } from '../../db/client.ts'
import type { Timed } from '../../db/types/index.ts'
import { gatewayPlugin } from '../define.ts'
import { Retention } from './retention.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Stores over one database. */
    db: Db
  }
}

declare module '../hooks/hooks.ts' {
  interface HookEvents {
    /** The database has finished a statement or a transaction, whether it worked or not. */
    'db.time': { readonly kind: Timed; readonly seconds: number }
  }
}

const PURGE_EVERY_MS = 60 * 60 * 1000
const LOOK_EVERY_MS = 5000

/** Owns `app.db`. Registered early, so that it closes after everything that writes to it. */
export default gatewayPlugin({ name: 'db', dependencies: ['hooks', 'config'] }, async (app) => {
  const { url } = app.config.database
  const db = await open(url === undefined ? { file: databaseIn(app.config.dataDir) } : { url })
  db.onTime((kind, seconds) => app.hooks.emit('db.time', { kind, seconds }))
  app.decorate('db', db)

  const retention = new Retention({ db, settings: () => app.config.retention, log: app.log })
  const hourly = setInterval(() => void retention.purge(), PURGE_EVERY_MS).unref()
  app.addHook('onReady', async () => void retention.purge())
  // Without this, a gateway whose file was deleted would go on and lose everything at its end.
  let intact = true
  const look = setInterval(() => {
    try {
      db.assertSameFile()
      intact = true
    } catch (err) {
      if (intact) app.log.error({ err }, 'nothing is stored any more')
      intact = false
    }
  }, LOOK_EVERY_MS).unref()
  app.addHook('onClose', async () => {
    clearInterval(hourly)
    clearInterval(look)
    await retention.stop()
    await db.close()
  })
})
