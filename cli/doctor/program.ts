import { createRequire } from 'node:module'
import { type Finding, fail, pass } from './finding.ts'

/** Checks the version of Node.js, the one that would run the gateway. */
export function checkNode(running: string = process.versions.node): Finding {
  const floor: string = createRequire(import.meta.url)('#package.json').engines.node.replace('>=', '')
  const [major = 0, minor = 0] = running.split('.').map(Number)
  const [wantedMajor = 0, wantedMinor = 0] = floor.split('.').map(Number)
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return pass('node', `Node.js ${running}`)
  return fail('node', `Node.js ${running} is older than ${floor}`, `install Node.js ${floor} or later`)
}

/** Checks that SQLite loads: its binary depends on the machine. */
export async function checkNative(): Promise<Finding> {
  try {
    const { default: Driver } = await import('better-sqlite3')
    const memory = new Driver(':memory:')
    const version = memory.prepare('select sqlite_version()').pluck().get()
    memory.close()
    return pass('native', `SQLite ${version} loads`)
  } catch (error) {
    const message = (error as Error).message.split('\n', 1)[0]
    return fail(
      'native',
      `SQLite does not load: ${message}`,
      'remove node_modules and install again, on this machine and with this Node.js'
    )
  }
}
