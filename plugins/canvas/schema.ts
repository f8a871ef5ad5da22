import { Type } from '@sinclair/typebox'
import { named } from '../../rpc/named.ts'
import { SessionId } from '../../rpc/schemas/session.ts'

/** Of content and metadata together, as JSON. */
export const MAX_CONTENT_BYTES = 1024 * 1024
/** Artifacts of one session. */
export const MAX_ARTIFACTS = 500

export const ArtifactId = named(
  'ArtifactId',
  Type.String({
    minLength: 1,
    maxLength: 128,
    pattern: String.raw`^(?:[^\u0000-\u001f\u007f-\u009f\u2028\u2029\ud800-\udfff]|[\ud800-\udbff][\udc00-\udfff])+$`,
    description: 'Names an artifact in its session; the same id replaces it',
    expected: 'a string of 1 to 128 characters, none of them control characters'
  })
)

/** What somebody may say of an artifact, a client and a tool alike. */
export const NEW_ARTIFACT = {
  artifactId: ArtifactId,
  type: Type.String({ minLength: 1, maxLength: 64, description: 'What it is: note, table, …' }),
  title: Type.Optional(Type.String({ maxLength: 256 })),
  content: Type.Record(Type.String(), Type.Unknown(), { description: 'With the metadata at most 1 MiB as JSON' }),
  metadata: Type.Optional(Type.Record(Type.String(), Type.Unknown()))
}

/** What of an artifact tells it apart from others. Times are epoch milliseconds. */
const SUMMARY = {
  sessionId: SessionId,
  artifactId: Type.String(),
  type: Type.String(),
  title: Type.Union([Type.String(), Type.Null()], { description: 'Null: it has none' }),
  createdAt: Type.Integer({ description: 'Epoch milliseconds' }),
  updatedAt: Type.Integer({ description: 'Epoch milliseconds, of the latest change' }),
  revision: Type.Integer({ minimum: 1, description: '1 when it is made, one more with each change' })
}

export const Artifact = named(
  'Artifact',
  Type.Object({
    ...SUMMARY,
    content: Type.Record(Type.String(), Type.Unknown()),
    metadata: Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()], { description: 'Null: it has none' })
  })
)

/** What the subscribers of a session are told of its canvas. An artifact comes without what is in it, which may be large. */
export const CanvasEvent = named(
  'CanvasEvent',
  Type.Union([
    Type.Object({
      action: Type.Literal('put'),
      artifactId: Type.String(),
      created: Type.Boolean({ description: 'False: it took the place of an earlier revision' }),
      artifact: Type.Object(SUMMARY, { description: 'canvas.get has its content' })
    }),
    Type.Object({ action: Type.Literal('delete'), artifactId: Type.String() }),
    Type.Object({ action: Type.Literal('clear'), cleared: Type.Integer({ description: 'How many artifacts there were' }) })
  ])
)
