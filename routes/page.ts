import { createHash } from 'node:crypto'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import type { FastifyReply, FastifyRequest } from 'fastify'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.json': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
  '.map': 'application/json; charset=utf-8'
}

/** A file of the page. */
export interface PageFile {
  readonly type: string
  readonly etag: string
  readonly content: Buffer
  /** The same compressed, by content encoding. */
  readonly compressed: ReadonlyMap<string, Buffer>
  /** Its name changes with its content, so that browsers keep it. */
  readonly immutable: boolean
}

/** Endings of compressed files that a build left beside the plain ones, best first. */
const ENCODINGS = { br: '.br', gzip: '.gz' } as const

/**
 * Files of a page by their paths (`app.js`), read once, with those below `assets/`. They are few and small, and anyone may ask for them without a login: served
 * from the disk, a flood of requests opens a file each until no descriptor is left.
 */
export function pageFiles(root: string): ReadonlyMap<string, PageFile> {
  const names = globSync(['*.*', 'assets/*.*'], { cwd: root }).filter((name) => extname(name) in TYPES)
  return new Map(
    names.map((name) => {
      const content = readFileSync(join(root, name))
      const etag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`
      const compressed = new Map<string, Buffer>()
      for (const [encoding, ending] of Object.entries(ENCODINGS)) {
        const file = join(root, name + ending)
        if (existsSync(file)) compressed.set(encoding, readFileSync(file))
      }
      return [name, { type: TYPES[extname(name)]!, etag, content, compressed, immutable: name.startsWith('assets/') }]
    })
  )
}

/** Answers with a file, compressed as far as the client can read it, or 304 when it has this content. */
export function sendFile(request: FastifyRequest, reply: FastifyReply, file: PageFile): FastifyReply {
  const { type, etag, content, compressed, immutable } = file
  reply.header('etag', etag).header('cache-control', immutable ? 'public, max-age=31536000, immutable' : 'no-cache')
  if (compressed.size > 0) reply.header('vary', 'accept-encoding')
  if (request.headers['if-none-match'] === etag) return reply.code(304).send()
  reply.type(type)
  for (const [encoding, bytes] of compressed) {
    if (accepts(request.headers['accept-encoding'], encoding)) return reply.header('content-encoding', encoding).send(bytes)
  }
  return reply.send(content)
}

/** The header names the encoding, without the weight 0 that forbids it. */
function accepts(header: string | string[] | undefined, encoding: string): boolean {
  return String(header ?? '')
    .split(',')
    .some((part) => {
      const [name, ...weights] = part.trim().split(/\s*;\s*/)
      return name === encoding && !weights.some((weight) => /^q=0(?:\.0*)?$/.test(weight))
    })
}

/** Id of the build that made these files, as its page has it: an open page notices another. Empty where nothing was built. */
export function buildOf(files: ReadonlyMap<string, PageFile>): string {
  return /<meta name="build" content="([\w-]+)">/.exec(files.get('index.html')?.content.toString('utf8') ?? '')?.[1] ?? ''
}
