import type { WireFrame } from '../../app/frames.ts'

/** Frames that are kept; the oldest make way. */
export const KEPT = 500
/** Characters of a frame that are kept. */
const MAX_TEXT = 64 * 1024

/** A frame as the page shows it. */
export interface Frame {
  readonly number: number
  /** Milliseconds since the first one. */
  readonly ms: number
  readonly out: boolean
  /** "event lane", "request sessions.list", "result", "error". */
  readonly title: string
  /** Parsed frame; its beginning as text where it is too long. */
  readonly value: unknown
}

/** The members of a frame that say what it is and to which request it belongs. */
export interface Envelope {
  readonly id?: number | null
  readonly method?: string
  readonly event?: string
  readonly error?: unknown
}

/** Reads a frame; undefined where it is no JSON object. */
export function envelopeOf(text: string): Envelope | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

/** The newest frames, bounded in number and size. */
export class FrameLog {
  #frames: readonly Frame[] = []
  #began: number | undefined
  #last = 0

  /** Oldest first. */
  get frames(): readonly Frame[] {
    return this.#frames
  }

  /** Number of frames that came so far; more than are kept. */
  get total(): number {
    return this.#last
  }

  add({ at, out, text }: WireFrame, envelope: Envelope): void {
    this.#began ??= at
    const value = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)} … cut: ${text.length} characters` : envelope
    const frame = { number: ++this.#last, ms: Math.round(at - this.#began), out, title: titleOf(envelope), value }
    this.#frames = [...this.#frames.slice(1 - KEPT), frame]
  }

  clear(): void {
    this.#frames = []
    this.#began = undefined
    this.#last = 0
  }
}

function titleOf({ method, event, error }: Envelope): string {
  if (method !== undefined) return `request ${method}`
  if (event !== undefined) return `event ${event}`
  return error === undefined ? 'result' : 'error'
}
