import { gatewayPlugin } from '../define.ts'
import { networkProviders } from './models.ts'
import { offlineProvider } from './offline.ts'
import { Providers } from './providers.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Models, by tier. */
    providers: Providers
  }
}

export type { Tiers } from './provider-snapshot.ts'
export type { ModelCalls, ModelDescription, Models } from './providers.ts'
export { Providers } from './providers.ts'

export default gatewayPlugin({ name: 'providers', dependencies: ['hooks', 'config'] }, async (app) => {
  const providers = new Providers(app.config.models, app.log, app.hooks)
  for (const provider of [...networkProviders, offlineProvider]) providers.add(provider)
  app.decorate('providers', providers)
  app.addHook('onClose', () => providers.close())
  const sayWhenOffline = (): void => {
    const { offline } = providers.describe('default')
    if (offline) app.log.warn('the offline model answers: set models.default.<provider> to talk to a real one')
  }
  // Not before: a later plugin may add a kind of provider.
  app.addHook('onReady', async () => {
    providers.open()
    sayWhenOffline()
  })
  // Models that cannot be made refuse the whole of a new configuration. Their connections are kept when nothing changes in them.
  app.configStore.onPrepare(({ models }, current) => (models === current.models ? undefined : providers.prepare(models)))
  app.configStore.onChange(({ models }, previous) => {
    if (models !== previous.models) sayWhenOffline()
  })
})
