import type { Static } from '@sinclair/typebox'
import type { ArtifactPage, ArtifactRow, Db, NewArtifact } from '../../db/client.ts'
import { invalidParams, RpcError, sessionNotFound } from '../../rpc/errors.ts'
import { type GatewayInstance, gatewayPlugin } from '../define.ts'
import * as methods from './methods.ts'
import { CanvasEvent, MAX_ARTIFACTS, MAX_CONTENT_BYTES } from './schema.ts'
import { canvasTool } from './tool.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Artifacts of sessions. */
    canvas: Canvas
  }
}

interface Surroundings {
  readonly db: { readonly artifacts: Db['artifacts']; readonly sessions: Pick<Db['sessions'], 'get'> }
  readonly bus: Pick<GatewayInstance['bus'], 'notify'>
  readonly now?: () => number
}

/** The notice is of a session, and of none of its messages. */
const NO_MESSAGE = ''

/** What sessions show beside their conversations. Whoever changes it, a client or the agent: it is stored here, and told from here. */
export class Canvas {
  readonly #db: Surroundings['db']
  readonly #bus: Surroundings['bus']
  readonly #now: () => number

  constructor({ db, bus, now = Date.now }: Surroundings) {
    this.#db = db
    this.#bus = bus
    this.#now = now
  }

  /** @throws RpcError InvalidRequest when there is too much in it */
  check({ content, metadata }: Pick<NewArtifact, 'content' | 'metadata'>): void {
    const size = Buffer.byteLength(JSON.stringify(content)) + (metadata ? Buffer.byteLength(JSON.stringify(metadata)) : 0)
    if (size <= MAX_CONTENT_BYTES) return
    const message = `and params.metadata are ${size} bytes long as JSON; at most ${MAX_CONTENT_BYTES} are allowed`
    throw invalidParams([{ path: 'params.content', message }])
  }

  /**
   * Makes or replaces an artifact of a session that is there, and tells its subscribers.
   * @throws RpcError InvalidRequest when there is too much in it, or on the canvas
   */
  async put(artifact: NewArtifact): Promise<{ artifact: ArtifactRow; created: boolean }> {
    this.check(artifact)
    const stored = await this.#db.artifacts.put(artifact, this.#now(), MAX_ARTIFACTS)
    if (!stored) {
      const text = `The canvas of this session has ${MAX_ARTIFACTS} artifacts, which is as many as it may: canvas.delete one of them first`
      throw new RpcError('InvalidRequest', text)
    }
    const { content: _content, metadata: _metadata, ...summary } = stored.artifact
    const { sessionId, artifactId } = summary
    this.#tell(sessionId, { action: 'put', artifactId, created: stored.created, artifact: summary })
    return stored
  }

  /** @throws RpcError SessionNotFound; InvalidRequest when there is no artifact of that id */
  async get(sessionId: string, artifactId: string): Promise<ArtifactRow> {
    await this.#known(sessionId)
    const artifact = await this.#db.artifacts.get(sessionId, artifactId)
    if (artifact) return artifact
    const issue = { path: 'params.artifactId', message: 'names no artifact of this session' }
    const { message, data } = invalidParams([issue])
    throw new RpcError('InvalidRequest', message, { data, statusCode: 404 })
  }

  /**
   * Newest change first; `total` counts before paging.
   * @throws RpcError SessionNotFound
   */
  async list(sessionId: string, page: ArtifactPage): Promise<{ rows: ArtifactRow[]; total: number }> {
    await this.#known(sessionId)
    return await this.#db.artifacts.list(sessionId, page)
  }

  /**
   * `false`: there was none of that id.
   * @throws RpcError SessionNotFound
   */
  async remove(sessionId: string, artifactId: string): Promise<boolean> {
    await this.#known(sessionId)
    const removed = await this.#db.artifacts.remove(sessionId, artifactId)
    if (removed) this.#tell(sessionId, { action: 'delete', artifactId })
    return removed
  }

  /**
   * Removes everything. Answers how much there was.
   * @throws RpcError SessionNotFound
   */
  async clear(sessionId: string): Promise<number> {
    await this.#known(sessionId)
    const cleared = await this.#db.artifacts.clear(sessionId)
    if (cleared > 0) this.#tell(sessionId, { action: 'clear', cleared })
    return cleared
  }

  async #known(sessionId: string): Promise<void> {
    if (await this.#db.sessions.get(sessionId)) return
    throw sessionNotFound(sessionId)
  }

  #tell(sessionId: string, data: Static<typeof CanvasEvent>): void {
    this.#bus.notify(sessionId, NO_MESSAGE, 'canvas', data)
  }
}

/** Owns `app.canvas` and the methods `canvas.*`. */
export default gatewayPlugin({ name: 'canvas', dependencies: ['db', 'rpc', 'bus', 'sessions', 'tools'] }, async (app) => {
  app.decorate('canvas', new Canvas(app))
  for (const method of Object.values(methods)) app.rpc.method(method)
  app.tools.add(canvasTool(app))
  app.rpc.event('canvas', CanvasEvent, { scope: 'read' })
})
