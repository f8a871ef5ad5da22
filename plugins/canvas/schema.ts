import { Type } from '@sinclair/typebox'
import { named } from '../../rpc/named.ts'
import { SessionId } from '../../rpc/schemas/session.ts'

/** Size of content and metadata together, as JSON. */
export const MAX_CONTENT_BYTES = 1024 * 1024
/** Artifacts of one session. */
export const MAX_ARTIFACTS = 500

export const ArtifactId = named(
  'ArtifactId',
  Type.String({
    minLength: 1,
    maxLength: 128,
    pattern: String.raw`^(?:[^\u0000-\u001f\u007f-\u009f\u2028\u2029\ud800-\udfff]|[\ud800-\udbff][\udc00-\udfff])+$`,
    description: 'Id of the artifact in its session. Putting the same id again replaces it',
    expected: 'a string of 1 to 128 characters, none of them control characters'
  })
)

/** Members of a new artifact, for clients and the tool alike. */
export const NEW_ARTIFACT = {
  artifactId: ArtifactId,
  type: Type.String({ minLength: 1, maxLength: 64, description: 'Kind of the artifact: note, table, …' }),
  title: Type.Optional(Type.String({ maxLength: 256 })),
  content: Type.Record(Type.String(), Type.Unknown(), {
    description: 'Content. At most 1 MiB as JSON, together with the metadata'
  }),
  metadata: Type.Optional(Type.Record(Type.String(), Type.Unknown()))
}

/** Artifact without its content. Times are epoch milliseconds. */
const SUMMARY = {
  sessionId: SessionId,
  artifactId: Type.String(),
  type: Type.String(),
  title: Type.Union([Type.String(), Type.Null()], { description: 'Null when it has none' }),
  createdAt: Type.Integer({ description: 'Epoch milliseconds' }),
  updatedAt: Type.Integer({ description: 'Time of the latest change in epoch milliseconds' }),
  revision: Type.Integer({ minimum: 1, description: '1 at creation, one more with each change' })
}

export const Artifact = named(
  'Artifact',
  Type.Object({
    ...SUMMARY,
    content: Type.Record(Type.String(), Type.Unknown()),
    metadata: Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()], { description: 'Null when it has none' })
  })
)

/** Event for the subscribers of a session when its canvas changes. It leaves out the content, which may be large. */
export const CanvasEvent = named(
  'CanvasEvent',
  Type.Union([
    Type.Object({
      action: Type.Literal('put'),
      artifactId: Type.String(),
      created: Type.Boolean({ description: 'False when it replaced an earlier revision' }),
      artifact: Type.Object(SUMMARY, { description: 'The artifact without its content; canvas.get returns that' })
    }),
    Type.Object({ action: Type.Literal('delete'), artifactId: Type.String() }),
    Type.Object({ action: Type.Literal('clear'), cleared: Type.Integer({ description: 'Number of deleted artifacts' }) })
  ])
)
