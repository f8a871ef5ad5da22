import { gatewayPlugin } from '../../types.ts'
import * as methods from './methods.ts'

/** Owns the methods of the configuration. Apart from `config`, which is there before there are methods and an audit log. */
export default gatewayPlugin({ name: 'reload', dependencies: ['config', 'audit', 'rpc'] }, async (app) => {
  for (const method of Object.values(methods)) app.rpc.method(method)

  app.configStore.onReload(({ actor, ...outcome }) => {
    if ('refused' in outcome) {
      const { message, kind, cause } = outcome.refused
      if (kind === 'InternalError') app.log.error({ actor, err: cause }, message)
      else app.log.warn({ actor }, message)
      app.audit.record('config.reload', actor, { success: false })
      return
    }
    const { changed, restartRequired } = outcome
    if (restartRequired.length > 0) app.log.warn({ actor, restartRequired }, 'settings were changed that need a restart')
    if (changed.length > 0) app.log.info({ actor, changed }, 'the configuration was reloaded')
    else app.log.debug({ actor }, 'the configuration was read again, and nothing in force changes')
    app.audit.record('config.reload', actor, { success: true, changed, restartRequired })
  })
})
