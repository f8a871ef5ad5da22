import { Type } from '@sinclair/typebox'
import { NoParams } from '../../rpc/schemas/simple.ts'
import { defineMethod } from '../define.ts'
import { Finding } from './schema.ts'

export const doctor = defineMethod({
  name: 'system.doctor',
  summary: 'Run the health checks of the gateway and its plugins (extension)',
  extension: true,
  scope: 'operate',
  params: NoParams,
  result: Type.Object({ findings: Type.Array(Finding, { description: 'One for each check, in the order of registration' }) }),
  async handler(_params, { app }) {
    return { findings: await app.doctor.run() }
  }
})
