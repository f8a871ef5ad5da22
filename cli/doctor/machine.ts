import { execFile } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { databaseIn } from '../../db/client.ts'
import type { Config } from '../../plugins/config/schema.ts'
import { fileExists } from '../files.ts'
import { type Finding, pass, warn } from './finding.ts'

const PATIENCE_MS = 5000
/** Larger than the error of any working clock. */
const CLOCK_MS = 5 * 60_000

/** Checks systemd, which controls the units of local models. */
export async function checkSystemd(env: NodeJS.ProcessEnv): Promise<Finding> {
  const answer = await run('systemctl', ['is-system-running'], env)
  // A degraded machine exits with 1, but systemd is reachable.
  const states = ['running', 'degraded', 'starting', 'initializing', 'maintenance', 'stopping']
  if (states.includes(answer.stdout.trim())) return pass('systemd', 'can be reached')
  const why = answer.missing ? 'is not on this machine' : 'does not run here'
  return pass('systemd', `${why}; only units of local models need it`)
}

/** Checks Docker, which a compose file needs. */
export async function checkDocker({ docker }: Config, env: NodeJS.ProcessEnv): Promise<Finding> {
  const hasFile = await fileExists(docker.composeFile)
  if (!hasFile) return pass('docker', 'not needed: no compose file')
  const compose = await run('docker', ['compose', 'version', '--short'], env)
  if (compose.missing)
    return warn('docker', `${docker.composeFile} exists, but docker is not installed`, 'install Docker with its compose plugin')
  if (!compose.ok) return warn('docker', 'has no compose plugin', 'install the compose plugin of Docker')
  const engine = await run('docker', ['version', '--format', '{{.Server.Version}}'], env)
  if (engine.ok) return pass('docker', `engine ${engine.stdout.trim()} can be reached`)
  return warn('docker', 'its engine cannot be reached', 'start it, and let the user of the gateway use its socket')
}

/** Checks the clock: signatures and stored times depend on it. */
export async function checkClock({ dataDir }: Config, env: NodeJS.ProcessEnv, now: number = Date.now()): Promise<Finding> {
  const program = fileURLToPath(import.meta.resolve('#package.json'))
  const written = await Promise.all(
    [program, databaseIn(dataDir)].map((file) =>
      stat(file).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0
      )
    )
  )
  const fix = 'set the clock and keep it synchronized: timedatectl set-ntp true'
  if (Math.max(...written) > now + CLOCK_MS) return warn('clock', 'it is behind the newest file of the gateway', fix)
  const { stdout } = await run('timedatectl', ['show', '--property=NTPSynchronized', '--value'], env)
  if (stdout.trim() === 'no') return warn('clock', 'it is not synchronized', fix)
  return pass('clock', new Date(now).toISOString())
}

async function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv) {
  // The gateway's environment may hold secrets: these programs get none of it.
  const { PATH, HOME, DOCKER_HOST, DOCKER_CONTEXT, XDG_RUNTIME_DIR } = env
  const own = { PATH, HOME, DOCKER_HOST, DOCKER_CONTEXT, XDG_RUNTIME_DIR, LC_ALL: 'C' }
  return await new Promise<{ ok: boolean; missing: boolean; stdout: string }>((resolve) => {
    execFile(program, [...args], { env: own, timeout: PATIENCE_MS, cwd: '/' }, (error, stdout) => {
      resolve({ ok: error === null, missing: error?.code === ('ENOENT' as never), stdout })
    })
  })
}
