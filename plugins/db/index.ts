import { databaseIn, open } from '../../db/client.ts'
import { gatewayPlugin } from '../../types.ts'

/** Owns `app.db`. Registered early, so that it closes after everything that writes to it. */
export default gatewayPlugin({ name: 'db', dependencies: ['config'] }, async (app) => {
  const db = await open({ file: databaseIn(app.config.dataDir) })
  app.decorate('db', db)
  app.addHook('onClose', () => db.close())
})
