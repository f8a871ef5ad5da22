import type { Static } from '@sinclair/typebox'
import { RpcError } from '../../rpc/errors.ts'
import type { Tool } from '../tools/define.ts'
import type { Nodes } from './nodes.ts'
import type { Registration } from './registrations.ts'
import { InvokeParams } from './schema.ts'

const PURPOSE =
  "Have one of the user's connected devices do something, such as show a notification: which device (nodeId), which of its capabilities, and what that takes (args). Answers with what the device says."

/** Characters of the list of nodes in the description. Every model call pays for them. */
const MAX_LISTED = 8000

/** `node.invoke`: what an operator can have a node do, the agent can. Its description lists the connected nodes. */
export function nodeTool(nodes: Pick<Nodes, 'invoke' | 'connected'>): Tool<typeof InvokeParams> {
  return {
    name: 'node.invoke',
    description: () => `${PURPOSE}\n${listOf(nodes.connected())}`,
    input: InvokeParams,
    async run(args: Static<typeof InvokeParams>, { signal }) {
      const { ok, output, error } = await nodes.invoke(args, { signal })
      if (!ok) throw new RpcError('InternalError', `The node answered with an error: ${error}`)
      return typeof output === 'string' ? output : output === undefined ? 'done' : JSON.stringify(output)
    }
  }
}

/** Nodes with their capabilities, as far as they fit: with the schemas of the arguments, else by name alone. */
function listOf(connected: readonly Registration[]): string {
  const usable = connected.filter(({ capabilities }) => capabilities.enabled.length > 0)
  if (usable.length === 0) return 'No device with a capability is connected now.'
  const lines = ['Connected now:']
  let room = MAX_LISTED
  for (const [index, node] of usable.entries()) {
    const text = [inFull(node), byName(node)].find(({ length }) => length <= room)
    if (text === undefined) return [...lines, `- and ${usable.length - index} more`].join('\n')
    room -= text.length
    lines.push(text)
  }
  return lines.join('\n')
}

function inFull({ node, offers, capabilities }: Registration): string {
  const enabled = offers.filter(({ name }) => capabilities.enabled.includes(name))
  return [
    `- nodeId ${node.id}:`,
    ...enabled.map(({ name, description, params }) =>
      [`  - ${name}`, description && `: ${description}`, params && ` args: ${JSON.stringify(params)}`].filter(Boolean).join('')
    )
  ].join('\n')
}

function byName({ node, capabilities }: Registration): string {
  return `- nodeId ${node.id}: ${capabilities.enabled.join(', ')}`
}
