import { Type } from '@sinclair/typebox'
import { SessionId, sessionOf } from '../../rpc/schemas/session.ts'
import { defineMethod } from '../define.ts'
import { Artifact, ArtifactId, MAX_ARTIFACTS, NEW_ARTIFACT } from './schema.ts'

const LIST_LIMIT = 50
/** Content and metadata in one answer, in MiB. Concurrent calls would fill the memory without it. */
const LIST_MIB = 4

const sessionId = Type.Optional(SessionId)
const OneArtifact = Type.Object({ sessionId, artifactId: ArtifactId }, { additionalProperties: false })

export const put = defineMethod({
  name: 'canvas.put',
  summary: 'Create or replace an artifact on the canvas of a session',
  scope: 'write',
  params: Type.Object({ sessionId, ...NEW_ARTIFACT }, { additionalProperties: false }),
  result: Type.Object({
    artifact: Artifact,
    created: Type.Boolean({ description: 'False when it replaced an artifact of that id' })
  }),
  examples: [
    {
      params: {
        sessionId: 'ws:abc123',
        artifactId: 'summary-card',
        type: 'note',
        title: 'Draft Summary',
        content: { markdown: '## Notes' },
        metadata: { lane: 'analysis' }
      },
      result: {
        artifact: {
          sessionId: 'ws:abc123',
          artifactId: 'summary-card',
          type: 'note',
          title: 'Draft Summary',
          content: { markdown: '## Notes' },
          metadata: { lane: 'analysis' },
          createdAt: 1739448000000,
          updatedAt: 1739448000000,
          revision: 1
        },
        created: true
      }
    }
  ],
  handler: ({ sessionId, ...artifact }, ctx) => ctx.app.canvas.put({ ...artifact, sessionId: sessionOf({ sessionId }, ctx) })
})

export const get = defineMethod({
  name: 'canvas.get',
  summary: 'Show one artifact',
  scope: 'read',
  errors: ['SessionNotFound'],
  params: OneArtifact,
  result: Type.Object({ artifact: Artifact }),
  async handler({ artifactId, ...params }, ctx) {
    return { artifact: await ctx.app.canvas.get(sessionOf(params, ctx), artifactId) }
  }
})

export const list = defineMethod({
  name: 'canvas.list',
  summary: 'List the artifacts of a session, newest change first',
  scope: 'read',
  errors: ['SessionNotFound'],
  params: Type.Object(
    {
      sessionId,
      limit: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: MAX_ARTIFACTS,
          default: LIST_LIMIT,
          description: `Maximum number of artifacts on a page. The page ends earlier at ${LIST_MIB} MiB of content, but holds at least one artifact`
        })
      ),
      offset: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, default: 0 }))
    },
    { additionalProperties: false }
  ),
  result: Type.Object({
    artifacts: Type.Array(Artifact),
    total: Type.Integer({ minimum: 0, description: 'Number of artifacts on all pages' })
  }),
  async handler({ limit = LIST_LIMIT, offset = 0, ...params }, ctx) {
    const page = { limit, offset, bytes: LIST_MIB * 1024 * 1024 }
    const { rows, total } = await ctx.app.canvas.list(sessionOf(params, ctx), page)
    return { artifacts: rows, total }
  }
})

export const remove = defineMethod({
  name: 'canvas.delete',
  summary: 'Delete one artifact',
  scope: 'write',
  errors: ['SessionNotFound'],
  params: OneArtifact,
  result: Type.Object({ deleted: Type.Boolean({ description: 'False when the session has no artifact of that id' }) }),
  async handler({ artifactId, ...params }, ctx) {
    return { deleted: await ctx.app.canvas.remove(sessionOf(params, ctx), artifactId) }
  }
})

export const clear = defineMethod({
  name: 'canvas.clear',
  summary: 'Delete all artifacts of a session',
  scope: 'write',
  errors: ['SessionNotFound'],
  params: Type.Object({ sessionId }, { additionalProperties: false }),
  result: Type.Object({ cleared: Type.Integer({ minimum: 0, description: 'Number of deleted artifacts' }) }),
  async handler(params, ctx) {
    return { cleared: await ctx.app.canvas.clear(sessionOf(params, ctx)) }
  }
})
