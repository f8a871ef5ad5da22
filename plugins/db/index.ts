import { type Db, databaseIn, open } from '../../db/client.ts'
import { gatewayPlugin } from '../define.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Stores over one database. */
    db: Db
  }
}

/** Owns `app.db`. Registered early, so that it closes after everything that writes to it. */
export default gatewayPlugin({ name: 'db', dependencies: ['config'] }, async (app) => {
  const db = await open({ file: databaseIn(app.config.dataDir) })
  app.decorate('db', db)
  app.addHook('onClose', () => db.close())
})
