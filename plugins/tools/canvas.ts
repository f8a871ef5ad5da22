import { Type } from '@sinclair/typebox'
import type { Db } from '../../db/client.ts'
import { type AnyTool, defineTool, ToolError } from './define.ts'

export const MAX_CONTENT_BYTES = 1024 * 1024

export interface CanvasOptions {
  readonly artifacts: Pick<Db['artifacts'], 'put'>
  readonly now?: () => number
}

/** `canvas.put`: shows something beside the conversation. Always in the tool's own session: it takes no other's id. */
export function canvasTool({ artifacts, now = Date.now }: CanvasOptions): AnyTool {
  return defineTool({
    name: 'canvas.put',
    description: "Create or replace an artifact on the canvas beside this conversation, such as a note: content {markdown: '…'}.",
    input: Type.Object(
      {
        artifactId: Type.String({ minLength: 1, maxLength: 128, description: 'The same id replaces the artifact' }),
        type: Type.String({ minLength: 1, maxLength: 64, description: 'What it is: note, table, …' }),
        title: Type.Optional(Type.String({ maxLength: 256 })),
        content: Type.Record(Type.String(), Type.Unknown(), { description: 'At most 1 MiB as JSON' }),
        metadata: Type.Optional(Type.Record(Type.String(), Type.Unknown()))
      },
      { additionalProperties: false }
    ),
    async run({ artifactId, type, title = null, content, metadata = null }, { session }) {
      const size = Buffer.byteLength(JSON.stringify([content, metadata]))
      if (size > MAX_CONTENT_BYTES)
        throw new ToolError(`content and metadata are ${size} bytes long; at most ${MAX_CONTENT_BYTES} are allowed`)
      const { artifact, created } = await artifacts.put(
        { sessionId: session.id, artifactId, type, title, content, metadata },
        now()
      )
      return `${created ? 'created' : 'replaced'} '${artifactId}', revision ${artifact.revision}`
    }
  })
}
