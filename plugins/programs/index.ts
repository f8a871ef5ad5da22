import { gatewayPlugin } from '../define.ts'
import { Programs } from './programs.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Programs of this machine: docker, systemctl, journalctl. */
    programs: Programs
  }
}

export type { Changes, Job, JobContext } from './changes.ts'
export type { Program, Programs } from './programs.ts'
export type { Reading } from './reading.ts'
export type { Outcome, RunOptions } from './run.ts'

/** Owns `app.programs`. */
export default gatewayPlugin({ name: 'programs' }, async (app) => {
  const programs = new Programs(process.env)
  app.decorate('programs', programs)
  app.addHook('onClose', async () => programs.close())
})
