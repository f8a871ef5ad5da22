import { Type } from '@sinclair/typebox'
import { McpServers } from './mcp.ts'
import { restart, section } from './schema-helpers.ts'

const toolNames = (description: string) =>
  Type.Array(Type.String({ pattern: '^[a-z][A-Za-z0-9_.-]{0,63}$', expected: 'the name of a tool, such as shell.exec' }), {
    description,
    default: []
  })

export const ToolsSection = section('What the agent may use', {
  confirm: toolNames('Tools that the agent may run only when a person confirms the call'),
  elevated: toolNames('Tools that run only in a session that was elevated with /elevate'),
  mcp: McpServers,
  shell: section('shell.exec', {
    enabled: Type.Boolean({ description: 'Let the agent run commands, as the user of the gateway', default: false, ...restart })
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
