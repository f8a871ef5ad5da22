import { gatewayPlugin } from '../types.ts'

/** `GET /openrpc.json`: what `rpc.discover` answers, for those who read before they connect. */
export default gatewayPlugin({ name: 'openrpc', dependencies: ['rpc', 'system'], share: false }, async (app) => {
  app.get('/openrpc.json', {
    config: { auth: 'http' },
    handler: async () => app.system.openrpc()
  })
})
