import { databaseIn, open } from '../db/client.ts'
import { gatewayPlugin } from '../types.ts'

export interface DbOptions {
  /** A path, or `:memory:`; by default `flynn.db` in the data directory. */
  readonly file?: string | undefined
}

/** Owns `app.db`. Registered early, so that it closes after everything that writes to it. */
export default gatewayPlugin<DbOptions>({ name: 'db', dependencies: ['config'] }, async (app, { file }) => {
  const db = await open({ file: file ?? databaseIn(app.config.dataDir) })
  app.decorate('db', db)
  app.addHook('onClose', () => db.close())
})
