import { execFile } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { databaseIn } from '../../db/client.ts'
import type { Config } from '../../plugins/config/schema.ts'
import { fileExists } from '../files.ts'
import { type Finding, pass, warn } from './finding.ts'

const PATIENCE_MS = 5000
/** What no clock of a working machine is off by. */
const CLOCK_MS = 5 * 60_000

/** Units of local models are shown and controlled through it. */
export async function checkSystemd(env: NodeJS.ProcessEnv): Promise<Finding> {
  const answer = await run('systemctl', ['is-system-running'], env)
  // A machine that is not in order says so with exit code 1, and is there all the same.
  const states = ['running', 'degraded', 'starting', 'initializing', 'maintenance', 'stopping']
  if (states.includes(answer.stdout.trim())) return pass('systemd', 'can be reached')
  const why = answer.missing ? 'is not on this machine' : 'does not run here'
  return pass('systemd', `${why}; only units of local models need it`)
}

/** Needed by those who have a compose file. */
export async function checkDocker({ docker }: Config, env: NodeJS.ProcessEnv): Promise<Finding> {
  const hasFile = await fileExists(docker.composeFile)
  if (!hasFile) return pass('docker', 'no compose file, so nothing needs it')
  const compose = await run('docker', ['compose', 'version', '--short'], env)
  if (compose.missing)
    return warn('docker', `${docker.composeFile} is there, docker is not`, 'install Docker with its compose plugin')
  if (!compose.ok) return warn('docker', 'has no compose plugin', 'install the compose plugin of Docker')
  const engine = await run('docker', ['version', '--format', '{{.Server.Version}}'], env)
  if (engine.ok) return pass('docker', `engine ${engine.stdout.trim()} can be reached`)
  return warn('docker', 'its engine cannot be reached', 'start it, and let the user of the gateway use its socket')
}

/** Times are compared with those of the past, and signatures with those of other machines. */
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
  const fix = 'set the clock, and keep it right with NTP: timedatectl set-ntp true'
  if (Math.max(...written) > now + CLOCK_MS) return warn('clock', 'it is behind the newest of the files here', fix)
  const { stdout } = await run('timedatectl', ['show', '--property=NTPSynchronized', '--value'], env)
  if (stdout.trim() === 'no') return warn('clock', 'nothing keeps it right', fix)
  return pass('clock', new Date(now).toISOString())
}

async function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv) {
  // Nothing of the gateway's environment, which may hold secrets, is anybody's business.
  const { PATH, HOME, DOCKER_HOST, DOCKER_CONTEXT, XDG_RUNTIME_DIR } = env
  const own = { PATH, HOME, DOCKER_HOST, DOCKER_CONTEXT, XDG_RUNTIME_DIR, LC_ALL: 'C' }
  return await new Promise<{ ok: boolean; missing: boolean; stdout: string }>((resolve) => {
    execFile(program, [...args], { env: own, timeout: PATIENCE_MS, cwd: '/' }, (error, stdout) => {
      resolve({ ok: error === null, missing: error?.code === ('ENOENT' as never), stdout })
    })
  })
}
