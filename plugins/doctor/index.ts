import { gatewayPlugin } from '../define.ts'
import { Doctor } from './doctor.ts'
import * as methods from './methods.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Health checks, shown by `flynn-gateway doctor`. */
    doctor: Doctor
  }
}

export type { Check, Doctor, Finding } from './doctor.ts'

/** Owns `app.doctor`. */
export default gatewayPlugin({ name: 'doctor', dependencies: ['rpc', 'config'] }, async (app) => {
  app.decorate('doctor', new Doctor({ masker: () => app.configStore.masker }))
  for (const method of Object.values(methods)) app.rpc.method(method)
})
