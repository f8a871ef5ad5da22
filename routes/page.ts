import { createHash } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'

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
}

/**
 * Files of the page by their paths (`app.js`), read once. They are few and small, and anyone may ask for them without a login: served
 * from the disk, a flood of requests opens a file each until no descriptor is left.
 */
export function pageFiles(root: string): ReadonlyMap<string, PageFile> {
  const names = globSync('**/*.*', { cwd: root, exclude: (name) => name === 'README.md' })
  return new Map(
    names.map((name) => {
      const content = readFileSync(join(root, name))
      const etag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`
      return [name, { type: TYPES[extname(name)] ?? 'application/octet-stream', etag, content }]
    })
  )
}
