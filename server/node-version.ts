import { createRequire } from 'node:module'

/**
 * Refuses an older Node.js than `engines` of package.json names. Such a version cannot link the modules of the gateway, or crashes while it
 * loads the database driver: call this before they are imported.
 * @throws Error
 */
export function requireNode(running: string = process.versions.node): void {
  const floor: string = createRequire(import.meta.url)('#package.json').engines.node.replace('>=', '')
  const [major = 0, minor = 0] = running.split('.').map(Number)
  const [wantedMajor = 0, wantedMinor = 0] = floor.split('.').map(Number)
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return
  throw new Error(`flynn-gateway needs Node.js ${floor} or later, this is ${running}`)
}
