import { gatewayPlugin } from '../define.ts'
import type { Change } from './changes.ts'
import { Programs } from './programs.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Programs of this machine: docker, systemctl, journalctl. */
    programs: Programs
  }
}

declare module '../hooks/hooks.ts' {
  interface HookEvents {
    /** A change to a backend or dependency has begun, goes on, or is over. */
    'job.changed': Change
  }
}

export type { Change, Changes, Job, JobContext } from './changes.ts'
export type { Program, Programs } from './programs.ts'
export type { Reading } from './reading.ts'
export type { Outcome, RunOptions } from './run.ts'

/** Owns `app.programs`. */
export default gatewayPlugin({ name: 'programs', dependencies: ['hooks'] }, async (app) => {
  const programs = new Programs(process.env, (change) => app.hooks.emit('job.changed', change))
  app.decorate('programs', programs)
  app.addHook('onClose', async () => programs.close())
})
