import { readFile } from 'node:fs/promises'
import type { Backend } from '../backends/index.ts'
import type { Dependency } from '../docker/index.ts'
import type { SourceStatus } from '../tools/index.ts'
import type { RawLog } from './journal.ts'
import { levelIn } from './levels.ts'
import type { OwnLog } from './own-log.ts'

/** State of a source, numbered by the specification. */
export const STATE = { unknown: 0, stopped: 1, starting: 2, running: 3, failed: 4 } as const
export const HEALTH = { none: 0, unhealthy: 1, healthy: 2 } as const

/** Sources of observations: the gateway and the services beside it. */
export interface Source {
  /** `systemd:<id>`, `docker:<id>` or `mcp:<name>`; the ids are those of the lists that they come from. */
  readonly id: string
  readonly name: string
  readonly kind: string
  readonly runtime: string
  readonly status: string
  readonly stateCode: number
  readonly healthCode: number
  /** Errors so far, where they are counted. */
  readonly errors?: number | undefined
  /** Identifies one run of the source, when it has such an identity. */
  readonly run?: string | undefined
  /** Restarts so far, when they are counted. */
  readonly restarts?: number | undefined
  /** Seconds since its start, as coarse as the source reports them. */
  readonly upSeconds?: number | undefined
  /** Place of its log. Absent when it has none that can be read. */
  readonly log?: LogPlace | undefined
  /** Why it cannot be seen, or its log not be read. */
  readonly problem?: string | undefined
}

export type LogPlace =
  | { readonly in: 'journal'; readonly scope: 'user' | 'system'; readonly unit: string }
  | { readonly in: 'container'; readonly name: string }
  | { readonly in: 'memory'; readonly log: Pick<OwnLog, 'read'> }

/** The id of the gateway itself, whatever runs it: clients know it by this one. */
const GATEWAY = 'systemd:flynn'

const STATUS = Object.keys(STATE)

/** Starter of the process: a manager of systemd, or anything else. */
export async function startedBy(env: NodeJS.ProcessEnv, pid: number): Promise<string> {
  // Set for the process that systemd starts; what that one starts inherits it.
  if (env.SYSTEMD_EXEC_PID !== String(pid)) return 'process'
  const group = await readFile('/proc/self/cgroup', 'utf8').catch(() => '')
  return /\/user@\d+\.service\//.test(group) ? 'systemd_user' : 'systemd_system'
}

/** The gateway itself. */
export function ownSource({ kind, log, ready }: { kind: string; log: OwnLog | undefined; ready: boolean }): Source {
  return {
    id: GATEWAY,
    name: 'Flynn daemon',
    kind,
    runtime: kind,
    status: 'running',
    stateCode: STATE.running,
    healthCode: ready ? HEALTH.healthy : HEALTH.unhealthy,
    ...(log
      ? { errors: log.errors, log: { in: 'memory', log } as const }
      : { problem: 'the gateway was not given the log that it writes to' })
  }
}

const UNIT_STATES: Readonly<Record<string, number>> = {
  active: STATE.running,
  reloading: STATE.running,
  refreshing: STATE.running,
  inactive: STATE.stopped,
  deactivating: STATE.stopped,
  maintenance: STATE.stopped,
  activating: STATE.starting,
  failed: STATE.failed
}

export function backendSource(backend: Backend): Source {
  const { id, name, unit, scope, pid, restartCount, problem } = backend
  // No manager has a unit of that name: it does not run, which is no fault.
  const stateCode =
    backend.loadState === 'not-found' && !problem ? STATE.stopped : (UNIT_STATES[backend.activeState] ?? STATE.unknown)
  return {
    id: `systemd:${id}`,
    name,
    kind: `systemd_${scope ?? 'system'}`,
    runtime: `systemd_${scope ?? 'system'}`,
    status: STATUS[stateCode]!,
    stateCode,
    // systemd knows whether it runs and not whether it is well.
    healthCode: HEALTH.none,
    run: pid === null ? undefined : String(pid),
    restarts: restartCount,
    ...(scope
      ? { log: { in: 'journal', scope, unit } as const }
      : { problem: problem ?? `there is no unit ${unit} on this machine` })
  }
}

const SERVER_STATES = { idle: STATE.stopped, starting: STATE.starting, up: STATE.running, down: STATE.failed } as const

/** A source of tools, such as an MCP server. Its log is its output for people. */
export function toolSource({ id, name, state, log, restarts }: SourceStatus): Source {
  const read: OwnLog['read'] = ({ lines, since = 0 }): RawLog => {
    const wanted = log.filter(({ at }) => at >= since).map(({ at, text }) => ({ ts: at, level: levelIn(text) ?? 'info', text }))
    return { lines: wanted.slice(-lines), truncated: wanted.length > lines }
  }
  return {
    id,
    name,
    kind: 'mcp_server',
    runtime: 'mcp',
    status: STATUS[SERVER_STATES[state]]!,
    stateCode: SERVER_STATES[state],
    healthCode: HEALTH.none,
    restarts,
    log: { in: 'memory', log: { read } }
  }
}

const CONTAINER_STATES: Readonly<Record<string, number>> = {
  running: STATE.running,
  paused: STATE.stopped,
  created: STATE.stopped,
  removing: STATE.stopped,
  not_created: STATE.stopped,
  restarting: STATE.starting,
  dead: STATE.failed
}

export function dependencySource(dependency: Dependency): Source {
  const { id, name, state, health, statusText, containerName, problem } = dependency
  // `Exited (1) 2 minutes ago`: a container that was stopped ends with 0, or with the signal.
  const failed = state === 'exited' && !/\((?:0|137|143)\)/.test(statusText)
  const stateCode = state === 'exited' ? (failed ? STATE.failed : STATE.stopped) : (CONTAINER_STATES[state] ?? STATE.unknown)
  const missing = state === 'not_created' ? 'it has no container' : undefined
  const reason = problem ?? missing
  return {
    id: `docker:${id}`,
    name,
    kind: 'docker_dependency',
    runtime: 'docker_compose',
    status: STATUS[stateCode]!,
    stateCode,
    healthCode: health === 'healthy' ? HEALTH.healthy : health === 'unhealthy' ? HEALTH.unhealthy : HEALTH.none,
    run: stateCode === STATE.running ? containerName : undefined,
    upSeconds: upSeconds(statusText),
    ...(reason === undefined ? { log: { in: 'container', name: containerName } as const } : { problem: reason })
  }
}

const UNITS: Readonly<Record<string, number>> = {
  second: 1,
  minute: 60,
  hour: 3600,
  day: 86_400,
  week: 604_800,
  month: 2_592_000,
  year: 31_536_000
}

/** `Up 4 minutes (healthy)`, `Up About an hour`, `Up Less than a second`: how Docker tells people. Undefined: it is not up. */
export function upSeconds(statusText: string): number | undefined {
  const [, amount, unit] =
    /^Up (?:About )?(Less than a|an?|\d+) (second|minute|hour|day|week|month|year)s?\b/.exec(statusText) ?? []
  if (amount === undefined || unit === undefined) return undefined
  if (amount.startsWith('Less')) return 0
  return (/^\d/.test(amount) ? Number(amount) : 1) * UNITS[unit]!
}
