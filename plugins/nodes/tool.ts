import type { Static } from '@sinclair/typebox'
import { RpcError } from '../../rpc/errors.ts'
import type { Tool } from '../tools/define.ts'
import type { Nodes } from './nodes.ts'
import { InvokeParams } from './schema.ts'

/** `node.invoke`: what an operator can have a node do, the agent can. */
export function nodeTool(nodes: Pick<Nodes, 'invoke'>): Tool<typeof InvokeParams> {
  return {
    name: 'node.invoke',
    description:
      "Have one of the user's connected devices do something, such as show a notification: which device (nodeId), which of its capabilities, and what that takes (args). Answers with what the device says.",
    input: InvokeParams,
    async run(args: Static<typeof InvokeParams>, { signal }) {
      const { ok, output, error } = await nodes.invoke(args, { signal })
      if (!ok) throw new RpcError('InternalError', `The node answered with an error: ${error}`)
      return typeof output === 'string' ? output : output === undefined ? 'done' : JSON.stringify(output)
    }
  }
}
