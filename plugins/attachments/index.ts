import { join } from 'node:path'
import { gatewayPlugin } from '../define.ts'
import { Attachments } from './attachments.ts'
import { Uploads } from './uploads.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Files of messages, and uploads on their way into one. */
    attachments: Attachments
  }
}

export type { Attachments } from './attachments.ts'

const PURGE_EVERY_MS = 5 * 60 * 1000

/** Owns `app.attachments`. */
export default gatewayPlugin({ name: 'attachments', dependencies: ['config', 'db'] }, async (app) => {
  const uploads = new Uploads({ folder: join(app.config.dataDir, 'uploads'), store: app.db.plugin('attachments') })
  await uploads.open()
  app.decorate('attachments', new Attachments(uploads, app.db.messages))

  const purge = (): void => void uploads.purge().catch((err) => app.log.error({ err }, 'failed to remove old uploads'))
  const purging = setInterval(purge, PURGE_EVERY_MS).unref()
  app.addHook('onClose', async () => clearInterval(purging))
})
