import { Type } from '@sinclair/typebox'
import { McpServers } from './mcp.ts'
import { restart, section } from './schema-helpers.ts'

const PATTERN = {
  pattern: '^[a-z*][A-Za-z0-9_.*-]{0,63}$',
  expected: 'the name of a tool, such as shell.exec, or a pattern, such as files.*'
} as const

/** Names of tools. `*` stands for any characters. */
const patterns = (description: string, preset: readonly string[] = []) =>
  Type.Array(Type.String(PATTERN), { description: `${description}. Names and patterns with *: files.*`, default: [...preset] })

export const ToolsSection = section('Tools of the agent', {
  allow: patterns('Tools that exist at all', ['*']),
  deny: patterns('Tools that do not exist, even where `allow` names them'),
  confirm: patterns('Tools that the agent runs only after a person has confirmed the call'),
  elevated: patterns('Tools that run only in a session that was elevated with /elevate'),
  guests: patterns('Tools that guests may use. Memory of a guest is its own', ['memory.*', 'file.*', 'canvas.put']),
  max: Type.Integer({
    description:
      'Most tools that are sent to a model with each call; OpenAI takes 128. Where there are more, the model finds the tools of MCP servers with tools.find and runs them with tools.call',
    default: 128,
    minimum: 2,
    maximum: 1024
  }),
  mcp: McpServers,
  shell: section('shell.exec', {
    enabled: Type.Boolean({ description: 'Let the agent run commands, as the user of the gateway', default: false, ...restart })
  }),
  web: section('web.fetch', {
    allow: Type.Array(
      Type.String({
        pattern: '^(\\*\\.)?[^\\s/@*]+$',
        expected: 'a host name or address, such as example.com, or all hosts below one, such as *.example.com'
      }),
      {
        description:
          'The only hosts that may be fetched; *.example.com stands for every host below example.com. Empty: every public host',
        default: []
      }
    ),
    allow_hosts: Type.Array(
      Type.String({ pattern: '^[^\\s/@]+$', expected: 'a host name or address, without scheme and path' }),
      {
        description: 'Hosts that may be fetched although their address is private',
        default: []
      }
    )
  })
})
