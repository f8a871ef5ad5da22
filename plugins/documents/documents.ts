import { createHash } from 'node:crypto'
import { asyncapi } from '../../rpc/documents/asyncapi.ts'
import type { Described } from '../../rpc/documents/described.ts'
import { openapi } from '../../rpc/documents/openapi.ts'
import { openrpc } from '../../rpc/documents/openrpc.ts'
import type { GatewayInstance } from '../define.ts'

const WRITERS = { openrpc, openapi, asyncapi } as const
export type DocumentName = keyof typeof WRITERS

/** One document as it goes out. */
export interface Document {
  readonly value: Readonly<Record<string, unknown>>
  readonly text: string
  /** Strong: it changes exactly when the text does. */
  readonly etag: string
}

/** Documents that describe the gateway to programs. Each is built at its first request, and again after methods or routes were added. */
export class Documents {
  readonly #describe: () => Described
  readonly #made = new Map<DocumentName, { readonly size: number; readonly document: Document }>()

  constructor(describe: () => Described) {
    this.#describe = describe
  }

  get(name: DocumentName): Document {
    const described = this.#describe()
    // Nothing is ever taken away or replaced.
    const size = described.methods.length + described.events.length + described.routes.length
    const made = this.#made.get(name)
    if (made?.size === size) return made.document
    const value = WRITERS[name](described)
    const text = JSON.stringify(value)
    const etag = `"${createHash('sha256').update(text).digest('base64url')}"`
    const document = { value, text, etag }
    this.#made.set(name, { size, document })
    return document
  }
}

/** `/agent`; empty at the root. */
export function mountOf({ prefix }: GatewayInstance): string {
  return prefix.replace(/\/$/, '')
}

export function pathBelow(app: GatewayInstance, url: string): string {
  return url.slice(mountOf(app).length) || '/'
}
