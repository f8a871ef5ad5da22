import { Type } from '@sinclair/typebox'
import type { NewArtifact } from '../../db/client.ts'
import { RpcError } from '../../rpc/errors.ts'
import { type AnyTool, defineTool, ToolError } from '../tools/define.ts'
import { NEW_ARTIFACT } from './schema.ts'

export interface CanvasOptions {
  /** Where artifacts are stored, and those told who look on. */
  readonly canvas: {
    /** @throws RpcError InvalidRequest when there is too much of it */
    put(artifact: NewArtifact): Promise<{ readonly artifact: { readonly revision: number }; readonly created: boolean }>
  }
}

/** `canvas.put`: shows something beside the conversation. Always in the tool's own session: it takes no other's id. */
export function canvasTool({ canvas }: CanvasOptions): AnyTool {
  return defineTool({
    name: 'canvas.put',
    description: "Create or replace an artifact on the canvas beside this conversation, such as a note: content {markdown: '…'}.",
    input: Type.Object(NEW_ARTIFACT, { additionalProperties: false }),
    async run({ artifactId, type, title = null, content, metadata = null }, { session }) {
      const { artifact, created } = await canvas
        .put({ sessionId: session.id, artifactId, type, title, content, metadata })
        .catch((cause) => {
          throw cause instanceof RpcError ? new ToolError(cause.message, { cause }) : cause
        })
      return `${created ? 'created' : 'replaced'} '${artifactId}', revision ${artifact.revision}`
    }
  })
}
