import { createRequire } from 'node:module'
import type { Described, Route, RouteSchema } from '../../rpc/documents/described.ts'
import { gatewayPlugin } from '../define.ts'
import { Documents, mountOf, pathBelow } from './documents.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** OpenRPC, OpenAPI and AsyncAPI documents. */
    documents: Documents
  }
}

export type { Document, DocumentName } from './documents.ts'
export { Documents } from './documents.ts'

const { version } = createRequire(import.meta.url)('#package.json') as { version: string }

/** Owns `app.documents`, and remembers every route that says what it takes and answers. */
export default gatewayPlugin({ name: 'documents', dependencies: ['rpc'] }, async (app) => {
  const routes = new Map<string, Route>()
  app.addHook('onRoute', ({ method, url, schema, config }) => {
    if (!schema || (schema as RouteSchema).hide) return
    const path = pathBelow(app, url)
    for (const one of [method].flat()) {
      const isMethod = one === 'POST' && path.startsWith('/rpc/')
      if (one === 'HEAD' || isMethod) continue
      const scopes = config?.scope === undefined ? [] : [config.scope]
      routes.set(`${one} ${path}`, { method: one, path, auth: config?.auth ?? 'required', scopes, schema: schema as RouteSchema })
    }
  })
  const describe = (): Described => ({
    version,
    methods: app.rpc.list(),
    events: app.rpc.events(),
    routes: [...routes.values()],
    mount: mountOf(app)
  })
  app.decorate('documents', new Documents(describe))
})
