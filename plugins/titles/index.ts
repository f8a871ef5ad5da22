import { gatewayPlugin } from '../define.ts'
import { Titles } from './titles.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Titles of sessions, made by a model. */
    titles: Titles
  }
}

export type { Titles } from './titles.ts'

/** Owns `app.titles`. Guests cause no call of a model for a title. */
export default gatewayPlugin({ name: 'titles', dependencies: ['hooks', 'db', 'providers', 'context', 'agent'] }, async (app) => {
  const titles = new Titles(app)
  app.decorate('titles', titles)
  app.hooks.on('agent.answered', ({ sessionId, access }) => {
    if (access === 'owner') titles.answered(sessionId)
  })
  app.addHook('onClose', () => titles.close())
})
