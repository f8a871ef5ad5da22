/** A frame of the connection, as it went over the wire. */
export interface WireFrame {
  /** Milliseconds since the page began. */
  readonly at: number
  /** It went from this page to the gateway. */
  readonly out: boolean
  readonly text: string
}

type Watcher = (frame: WireFrame) => void

const watchers = new Set<Watcher>()

/**
 * Shows every frame of the page's connection to a watcher, until the returned function is called. Frames hold no credential: that goes
 * with the handshake.
 */
export function watchFrames(watcher: Watcher): () => void {
  watchers.add(watcher)
  return () => void watchers.delete(watcher)
}

function show(out: boolean, text: unknown): void {
  if (watchers.size === 0 || typeof text !== 'string') return
  const frame = { at: performance.now(), out, text }
  for (const watcher of [...watchers]) watcher(frame)
}

/** A WebSocket whose frames can be watched. */
export class WatchedSocket extends WebSocket {
  constructor(url: string | URL, protocols?: string | string[]) {
    super(url, protocols)
    this.addEventListener('message', ({ data }) => show(false, data))
  }

  override send(text: string): void {
    show(true, text)
    super.send(text)
  }
}
