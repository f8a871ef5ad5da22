import { Type } from '@sinclair/typebox'
import { SessionId, sessionOf } from '../../rpc/schemas/session.ts'
import { defineMethod } from '../define.ts'
import { Artifact, ArtifactId, MAX_ARTIFACTS, NEW_ARTIFACT } from './schema.ts'

const LIST_LIMIT = 50
/** Of content and metadata in one answer: many calls at once must not fill the memory. */
const LIST_MIB = 4

const sessionId = Type.Optional(SessionId)
const OneArtifact = Type.Object({ sessionId, artifactId: ArtifactId }, { additionalProperties: false })

export const put = defineMethod({
  name: 'canvas.put',
  summary: 'Make or replace an artifact on the canvas of a session',
  scope: 'write',
  params: Type.Object({ sessionId, ...NEW_ARTIFACT }, { additionalProperties: false }),
  result: Type.Object({
    artifact: Artifact,
    created: Type.Boolean({ description: 'False: there was one of that id, which it replaces' })
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
  async handler({ artifactId, type, title = null, content, metadata = null, ...params }, ctx) {
    const { canvas, sessions } = ctx.app
    const artifact = { sessionId: sessionOf(params, ctx), artifactId, type, title, content, metadata }
    // Before the session is made: a call that is refused must not leave one behind.
    canvas.check(artifact)
    await sessions.open(artifact.sessionId)
    return await canvas.put(artifact)
  }
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
          description: `Artifacts on a page. It ends earlier where it would have more than ${LIST_MIB} MiB of content, though never without an artifact`
        })
      ),
      offset: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, default: 0 }))
    },
    { additionalProperties: false }
  ),
  result: Type.Object({
    artifacts: Type.Array(Artifact),
    total: Type.Integer({ minimum: 0, description: 'How many there are on all pages' })
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
  result: Type.Object({ deleted: Type.Boolean({ description: 'False: there was none of that id' }) }),
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
  result: Type.Object({ cleared: Type.Integer({ minimum: 0, description: 'How many there were' }) }),
  async handler(params, ctx) {
    return { cleared: await ctx.app.canvas.clear(sessionOf(params, ctx)) }
  }
})
