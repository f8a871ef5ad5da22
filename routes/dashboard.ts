import { fileURLToPath } from 'node:url'
import type { GatewayInstance } from '../plugins/define.ts'
import type { RouteSchema } from '../rpc/documents/described.ts'
import { type PageFile, pageFiles, sendFile } from './page.ts'

const BUILT = fileURLToPath(new URL('./dist/public/', import.meta.resolve('#package.json')))
const HIDDEN: RouteSchema = { hide: true }

/** No script of the dashboard may make elements of text, whatever an agent wrote; and it needs nothing of the device. */
const TRUSTED = "require-trusted-types-for 'script';trusted-types flynn"
const NO_DEVICES = 'camera=(), geolocation=(), microphone=(), payment=(), usb=()'

/** `GET /dashboard/`: the operator's dashboard, as `npm run build` made it. Returns its files. */
export function dashboardRoutes(app: GatewayInstance): ReadonlyMap<string, PageFile> {
  const files = pageFiles(BUILT)
  app.get('/dashboard', { schema: HIDDEN }, (_request, reply) => reply.redirect('dashboard/'))
  app.get<{ Params: { '*': string } }>('/dashboard/*', { schema: HIDDEN }, (request, reply) => {
    const file = files.get(request.params['*'])
    if (file) return sendFile(request, reply, file)
    if (request.params['*'] !== '') return reply.callNotFound()
    const index = files.get('index.html')
    if (!index)
      return reply
        .code(503)
        .type('text/plain')
        .send('The dashboard is not built: run "npm run build" in the folder of the gateway.\n')
    const policy = reply.getHeader('content-security-policy')
    reply.header('content-security-policy', `${policy};${TRUSTED}`).header('permissions-policy', NO_DEVICES)
    return sendFile(request, reply, index)
  })
  return files
}
