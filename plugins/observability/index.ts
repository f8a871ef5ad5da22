import { gatewayPlugin } from '../define.ts'
import { Logs } from './logs.ts'
import * as methods from './methods.ts'
import { Observability } from './observability.ts'
import type { OwnLog } from './own-log.ts'
import { MAX_SOURCES, Sampler } from './sampler.ts'
import { backendSource, dependencySource, ownSource, type Source, startedBy, toolSource } from './sources.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Metrics and logs of services. */
    observability: Observability
  }
}

export type { Observability } from './observability.ts'

const HOUR_MS = 3_600_000

/** Owns `app.observability` and the methods that show it. `ownLog`: the log that the gateway writes to, where that can be read. */
export default gatewayPlugin<{ ownLog?: OwnLog | undefined }>(
  { name: 'observability', dependencies: ['config', 'rpc', 'system', 'programs', 'backends', 'docker', 'tools'] },
  async (app, { ownLog }) => {
    const kind = await startedBy(process.env, process.pid)
    const look = async (): Promise<Source[]> => {
      const [backends, dependencies, unready] = await Promise.all([
        app.backends.list(),
        app.dependencies.list(),
        app.system.unready()
      ])
      const own = ownSource({ kind, log: ownLog, ready: unready === undefined })
      const servers = app.tools.status().map(toolSource)
      return [own, ...backends.map(backendSource), ...dependencies.map(dependencySource), ...servers].slice(0, MAX_SOURCES)
    }
    const sampler = new Sampler({
      look,
      times: () => {
        const { sampleSeconds, retentionHours } = app.config.observability
        return { sampleMs: sampleSeconds * 1000, retentionMs: retentionHours * HOUR_MS }
      },
      failed: (err) => app.log.warn({ err }, 'it could not be seen how the sources of observability are')
    })
    const logs = new Logs({ programs: app.programs, masker: () => app.configStore.masker })
    app.decorate('observability', new Observability({ look, sampler, logs }))
    for (const method of Object.values(methods)) app.rpc.method(method)
    sampler.start()
    app.addHook('onClose', async () => sampler.close())
  }
)
