import { Type } from '@sinclair/typebox'
import type { Complain } from '../parse/checks.ts'
import type { Config } from '../schema.ts'
import { filled, header, headerValue, named, path, restart, secret, section } from './schema-helpers.ts'

/** `<name>.<tool>` has at most 64 characters, and the tool needs some of them. */
const serverName = {
  pattern: '^[a-z][a-z0-9_-]{0,31}$',
  expected: 'a name of 1 to 32 small letters, digits and _ -, a letter first'
} as const
const variable = { pattern: '^[A-Za-z_][A-Za-z0-9_]*$', expected: 'the name of an environment variable' } as const
/** Unlike those of model providers it may have a query, and some services put the key there: hence a secret as a whole. */
const address = {
  url: true,
  pattern: '^https?://[^\\s/?#@]+([/?][^\\s#]*)?$',
  expected: 'a URL such as https://example.com/mcp, without credentials before the host'
} as const

/** Unlike the names of the gateway's tools, those of a server may begin with a capital letter or a digit. */
const tools = (description: string, preset: readonly string[] = []) =>
  Type.Array(Type.String({ pattern: '^[A-Za-z0-9_.*-]{1,64}$', expected: 'the name of a tool, or a pattern, such as read_*' }), {
    description: `${description}. Names and patterns with *, with or without \`<name>.\` before them`,
    default: [...preset]
  })

const Server = section('One MCP server: `command` or `url`', {
  command: Type.Optional(Type.String({ description: 'Program that speaks MCP over stdin and stdout', ...filled })),
  args: Type.Array(Type.String({ shows: 'nothing' }), {
    description: 'Arguments of the program. Hidden where the configuration is shown',
    default: []
  }),
  env: named(
    variable.pattern,
    Type.String({
      description: 'One variable, beside PATH, HOME and LANG',
      ...secret,
      pattern: '^[^\\0]*$',
      expected: 'a text without NUL'
    }),
    { description: 'Environment of the program', default: {}, key: variable.expected, expected: 'an object of variables' }
  ),
  cwd: Type.Optional(Type.String({ description: 'Working folder of the program. Default: that of the gateway', ...path })),
  url: Type.Optional(
    Type.String({ description: 'Address of a server that speaks MCP over streamable HTTP', ...secret, ...address })
  ),
  headers: named(
    header.pattern,
    Type.String({
      description: 'One header',
      ...secret,
      ...headerValue
    }),
    { description: 'Sent with every request to `url`', default: {}, key: header.expected, expected: 'an object of headers' }
  ),
  allow: tools('Tools of this server that exist', ['*']),
  deny: tools('Tools of this server that do not exist, even where `allow` names them')
})

export const McpServers = named(serverName.pattern, Server, {
  description: 'MCP servers by name; their tools are called <name>.<tool>',
  default: {},
  key: serverName.expected,
  expected: 'an object of MCP servers',
  ...restart
})

/** Checks across keys: a server has exactly one of `command` and `url`, and only keys that belong to it. */
export function checkMcp(servers: Config['tools']['mcp'], complain: Complain): void {
  for (const [name, server] of Object.entries(servers)) {
    const path = `tools.mcp.${name}`
    const { command, args, env, cwd, url, headers } = server
    if (command === undefined && url === undefined) {
      complain(path, 'needs a command (a program that speaks MCP on stdin and stdout) or a url (streamable HTTP)')
    } else if (command !== undefined && url !== undefined) {
      complain(path, 'has both a command and a url, but a server is one or the other')
    } else if (command === undefined) {
      const idle = { args: args.length > 0, env: Object.keys(env).length > 0, cwd: cwd !== undefined }
      for (const [key, written] of Object.entries(idle)) {
        if (written) complain(`${path}.${key}`, 'belongs to a command, and this server has a url')
      }
    } else if (Object.keys(headers).length > 0) {
      complain(`${path}.headers`, 'belong to a url, and this server has a command')
    }
  }
}
