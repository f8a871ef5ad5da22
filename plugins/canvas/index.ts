import { gatewayPlugin } from '../define.ts'
import { Canvas } from './canvas.ts'
import * as methods from './methods.ts'
import { CanvasEvent } from './schema.ts'
import { canvasTool } from './tool.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Artifacts of sessions. */
    canvas: Canvas
  }
}

export type { Canvas } from './canvas.ts'

/** Owns `app.canvas`, the methods `canvas.*`, the tool `canvas.put` and the event `canvas`. */
export default gatewayPlugin({ name: 'canvas', dependencies: ['db', 'rpc', 'bus', 'sessions', 'tools'] }, async (app) => {
  const canvas = new Canvas(app)
  app.decorate('canvas', canvas)
  for (const method of Object.values(methods)) app.rpc.method(method)
  app.tools.add(canvasTool(canvas))
  app.rpc.event('canvas', CanvasEvent, { scope: 'read' })
})
