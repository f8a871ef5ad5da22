import type { Static } from '@sinclair/typebox'
import type { ArtifactPage, ArtifactRow, Db, NewArtifact } from '../../db/client.ts'
import { invalidParams, RpcError, sessionNotFound } from '../../rpc/errors.ts'
import type { GatewayInstance } from '../define.ts'
import { type CanvasEvent, MAX_ARTIFACTS, MAX_CONTENT_BYTES } from './schema.ts'

export interface CanvasParts {
  readonly db: { readonly artifacts: Db['artifacts']; readonly sessions: Pick<Db['sessions'], 'get'> }
  readonly sessions: Pick<GatewayInstance['sessions'], 'open'>
  readonly bus: Pick<GatewayInstance['bus'], 'notify'>
  readonly now?: () => number
}

/** An artifact without the parts that have a default. */
export type ArtifactInput = Omit<NewArtifact, 'title' | 'metadata'> & Partial<Pick<NewArtifact, 'title' | 'metadata'>>

/** Message id of notices that belong to a session and to none of its messages. */
const NO_MESSAGE = ''

/** Artifacts that sessions show beside their conversations. Clients and the agent change them here; subscribers of the session are notified. */
export class Canvas {
  readonly #db: CanvasParts['db']
  readonly #sessions: CanvasParts['sessions']
  readonly #bus: CanvasParts['bus']
  readonly #now: () => number

  constructor({ db, sessions, bus, now = Date.now }: CanvasParts) {
    this.#db = db
    this.#sessions = sessions
    this.#bus = bus
    this.#now = now
  }

  /**
   * Creates or replaces an artifact, creates its session if necessary, and notifies subscribers.
   * @throws RpcError InvalidRequest when the content or the canvas is too large; nothing is created then
   */
  async put({ title = null, metadata = null, ...rest }: ArtifactInput): Promise<{ artifact: ArtifactRow; created: boolean }> {
    const artifact = { ...rest, title, metadata }
    // Before the session is created: a refused call leaves none behind.
    checkSize(artifact)
    await this.#sessions.open(artifact.sessionId)
    const stored = await this.#db.artifacts.put(artifact, this.#now(), MAX_ARTIFACTS)
    if (!stored) {
      const text = `The canvas of this session already has ${MAX_ARTIFACTS} artifacts. Delete one with canvas.delete first.`
      throw new RpcError('InvalidRequest', text)
    }
    const { content: _content, metadata: _metadata, ...summary } = stored.artifact
    const { sessionId, artifactId } = summary
    this.#notify(sessionId, { action: 'put', artifactId, created: stored.created, artifact: summary })
    return stored
  }

  /** @throws RpcError SessionNotFound; InvalidRequest when the session has no artifact of that id */
  async get(sessionId: string, artifactId: string): Promise<ArtifactRow> {
    await this.#requireSession(sessionId)
    const artifact = await this.#db.artifacts.get(sessionId, artifactId)
    if (artifact) return artifact
    const issue = { path: 'params.artifactId', message: 'names no artifact of this session' }
    const { message, data } = invalidParams([issue])
    throw new RpcError('InvalidRequest', message, { data, statusCode: 404 })
  }

  /**
   * Lists artifacts, newest change first; `total` counts before paging.
   * @throws RpcError SessionNotFound
   */
  async list(sessionId: string, page: ArtifactPage): Promise<{ rows: ArtifactRow[]; total: number }> {
    await this.#requireSession(sessionId)
    return await this.#db.artifacts.list(sessionId, page)
  }

  /**
   * Removes an artifact. Returns `false` when the session has none of that id.
   * @throws RpcError SessionNotFound
   */
  async remove(sessionId: string, artifactId: string): Promise<boolean> {
    await this.#requireSession(sessionId)
    const removed = await this.#db.artifacts.remove(sessionId, artifactId)
    if (removed) this.#notify(sessionId, { action: 'delete', artifactId })
    return removed
  }

  /**
   * Removes all artifacts of a session. Returns their number.
   * @throws RpcError SessionNotFound
   */
  async clear(sessionId: string): Promise<number> {
    await this.#requireSession(sessionId)
    const cleared = await this.#db.artifacts.clear(sessionId)
    if (cleared > 0) this.#notify(sessionId, { action: 'clear', cleared })
    return cleared
  }

  async #requireSession(sessionId: string): Promise<void> {
    if (await this.#db.sessions.get(sessionId)) return
    throw sessionNotFound(sessionId)
  }

  #notify(sessionId: string, data: Static<typeof CanvasEvent>): void {
    this.#bus.notify(sessionId, NO_MESSAGE, 'canvas', data)
  }
}

function checkSize({ content, metadata }: Pick<NewArtifact, 'content' | 'metadata'>): void {
  const size = Buffer.byteLength(JSON.stringify(content)) + (metadata ? Buffer.byteLength(JSON.stringify(metadata)) : 0)
  if (size <= MAX_CONTENT_BYTES) return
  const message = `and params.metadata are ${size} bytes long as JSON; at most ${MAX_CONTENT_BYTES} are allowed`
  throw invalidParams([{ path: 'params.content', message }])
}
