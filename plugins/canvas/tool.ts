import { Type } from '@sinclair/typebox'
import { RpcError } from '../../rpc/errors.ts'
import { type AnyTool, defineTool, ToolError } from '../tools/define.ts'
import type { Canvas } from './canvas.ts'
import { NEW_ARTIFACT } from './schema.ts'

/** Tool `canvas.put`: shows an artifact beside the conversation. It always writes to its own session and takes no session id. */
export function canvasTool(canvas: Pick<Canvas, 'put'>): AnyTool {
  return defineTool({
    name: 'canvas.put',
    description: "Create or replace an artifact on the canvas beside this conversation, such as a note: content {markdown: '…'}.",
    input: Type.Object(NEW_ARTIFACT, { additionalProperties: false }),
    async run(artifact, { session }) {
      const { artifact: stored, created } = await canvas.put({ ...artifact, sessionId: session.id }).catch((cause) => {
        throw cause instanceof RpcError ? new ToolError(cause.message, { cause }) : cause
      })
      return `${created ? 'created' : 'replaced'} '${artifact.artifactId}', revision ${stored.revision}`
    }
  })
}
