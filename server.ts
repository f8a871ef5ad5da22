import { createRequire } from 'node:module'

export { type StartFlags, serve, Unavailable } from './server/serve.ts'

/** Started as a program, also through the link that a package manager makes of it. */
function isMain(): boolean {
  try {
    return createRequire(import.meta.url).resolve(process.argv[1] ?? '') === import.meta.filename
  } catch {
    return false
  }
}

// `node server.ts` is `flynn-gateway`.
if (isMain()) await import('./cli.ts')
