import { Type } from '@sinclair/typebox'
import { section } from './words.ts'

export const ToolsSection = section('What the agent may use', {
  shell: section('shell.exec', {
    enabled: Type.Boolean({ description: 'Let the agent run commands, as the user of the gateway', default: false })
  }),
  web: section('web.fetch', {
    allow_hosts: Type.Array(
      Type.String({ pattern: '^[^\\s/@]+$', expected: 'a host name or address, without scheme and path' }),
      {
        description: 'Hosts that may be fetched although their address is private',
        default: []
      }
    )
  })
})
