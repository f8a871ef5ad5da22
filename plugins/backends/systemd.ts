import type { Outcome, Programs } from '../programs/index.ts'

/** Manager of a unit: that of the gateway's user, or that of the machine. */
export type Scope = 'user' | 'system'

/** Verb for a unit. `try-restart` leaves a unit alone that was stopped in between. */
export type Verb = 'start' | 'restart' | 'stop' | 'try-restart'

/** A unit as systemd sees it. */
export interface Unit {
  readonly loadState: string
  readonly activeState: string
  readonly subState: string
  readonly unitFileState: string
  readonly description: string
  readonly pid: number | null
  /** Result of the last run: `success`, `exit-code`, … */
  readonly result: string
  readonly statusText: string
  readonly restartCount: number | undefined
}

/** Units that were found, by name; a unit that no manager has is missing. `problem`: the reason for which some could not be looked up. */
export interface Found {
  readonly units: ReadonlyMap<string, Unit & { readonly scope: Scope }>
  readonly problem: string | undefined
}

/** Result of an action: `done`, refused for one of two reasons, or without an answer in time. */
export interface Acted {
  readonly how: 'done' | 'denied' | 'failed' | 'late'
  /** Message of systemd, for people. */
  readonly text: string
}

const PROPERTIES = 'Id,LoadState,ActiveState,SubState,UnitFileState,Description,MainPID,Result,StatusText,NRestarts'
const DENIED = /authentication (?:is )?required|access denied|permission denied|not permitted/i
const NO_SYSTEMD = /not been booted with systemd|failed to connect to (?:system |user )?(?:scope )?bus|host is down/i

/** Calls of `systemctl`. Units come from the configuration, verbs from the code. */
export class Systemd {
  readonly #programs: Pick<Programs, 'run'>

  constructor(programs: Pick<Programs, 'run'>) {
    this.#programs = programs
  }

  /** Looks among the units of the user first, since the specification speaks of those; distributions install for the machine. */
  async find(units: readonly string[], timeoutMs: number): Promise<Found> {
    const found = new Map<string, Unit & { scope: Scope }>()
    let problem: string | undefined
    for (const scope of ['user', 'system'] as const) {
      const missing = units.filter((unit) => !found.has(unit))
      if (missing.length === 0) break
      const shown = await this.show(scope, missing, timeoutMs)
      // That a manager is not running says the least, so it never hides another reason; and no manager of the user is the usual case.
      if (typeof shown === 'string') problem ??= scope === 'system' || shown !== NOT_RUNNING ? shown : undefined
      else {
        for (const [name, unit] of shown) if (unit.loadState !== 'not-found') found.set(name, { ...unit, scope })
      }
    }
    return { units: found, problem }
  }

  /** Some units of one scope, by their names; a text says why they cannot be seen. */
  async show(scope: Scope, units: readonly string[], timeoutMs: number): Promise<ReadonlyMap<string, Unit> | string> {
    const args = [...flags(scope), 'show', `--property=${PROPERTIES}`, '--', ...units]
    const outcome = await this.#programs.run('systemctl', args, { timeoutMs })
    if (outcome.code !== 0) return whyNot(outcome)
    const blocks = parseShow(outcome.stdout)
    // In the order of the arguments, whatever an alias is really called.
    if (blocks.length !== units.length) return 'systemctl gave an answer that cannot be read'
    return new Map(units.map((unit, index) => [unit, blocks[index]!]))
  }

  /** Does something with a unit and waits until systemd has done it. */
  async act(scope: Scope, verb: Verb, unit: string, timeoutMs: number, signal: AbortSignal): Promise<Acted> {
    const args = [...flags(scope), '--no-ask-password', verb, '--', unit]
    const outcome = await this.#programs.run('systemctl', args, { timeoutMs, signal })
    if (outcome.code === 0) return { how: 'done', text: '' }
    if (outcome.timedOut) return { how: 'late', text: whyNot(outcome) }
    if (outcome.code === 4 || DENIED.test(outcome.stderr)) return { how: 'denied', text: denial(scope, unit) }
    return { how: 'failed', text: outcome.code === 5 ? `there is no unit ${unit}` : whyNot(outcome) }
  }
}

const NOT_RUNNING = 'systemd is not running on this machine'

function flags(scope: Scope): string[] {
  return [...(scope === 'user' ? ['--user'] : []), '--no-pager']
}

function denial(scope: Scope, unit: string): string {
  const remedy =
    scope === 'system'
      ? 'a polkit rule for org.freedesktop.systemd1.manage-units can allow it'
      : 'it has to be the owner of the session'
  return `the user that the gateway runs as has no permission to control ${unit}: ${remedy}`
}

/** Why `systemctl` did not do what it was asked for, without anything that only its own user should read. */
function whyNot({ missing, timedOut, truncated, stderr, code }: Outcome): string {
  if (missing) return 'there is no systemd on this machine'
  if (timedOut) return 'systemctl did not answer in time'
  if (truncated) return 'systemctl printed too much'
  if (NO_SYSTEMD.test(stderr)) return NOT_RUNNING
  if (DENIED.test(stderr)) return 'the user that the gateway runs as may not ask systemd'
  if (/\bis masked\b/.test(stderr)) return 'the unit is masked'
  const job = /^Job for \S+ (?:failed|canceled|timed out)[^.\n]*/m.exec(stderr)?.[0]
  return job ?? (code === null ? 'systemctl could not be started, or was killed' : `systemctl failed with exit code ${code}`)
}

/**
 * Parses the output of `systemctl show`: `Name=value` lines in an order of its own, a blank line between units. A unit that does
 * not exist has a block as well.
 */
export function parseShow(text: string): Unit[] {
  return text
    .split(/\n{2,}/)
    .filter((block) => block.trim() !== '')
    .map((block) => {
      const values = new Map(
        block.split('\n').map((line) => {
          const cut = line.indexOf('=')
          return [line.slice(0, cut), line.slice(cut + 1).trim()] as const
        })
      )
      const of = (name: string): string => values.get(name) ?? ''
      const [pid, restarts] = [number(of('MainPID')), number(of('NRestarts'))]
      return {
        loadState: of('LoadState') || 'not-found',
        activeState: of('ActiveState') || 'unknown',
        subState: of('SubState') || 'unknown',
        unitFileState: of('UnitFileState'),
        description: of('Description'),
        pid: pid || null,
        result: of('Result'),
        // Only services that report about themselves have one.
        statusText: of('StatusText') || `${of('ActiveState') || 'unknown'} (${of('SubState') || 'unknown'})`,
        restartCount: restarts
      }
    })
}

function number(text: string): number | undefined {
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined
}

/** On its way to another state. */
export function inTransit({ activeState }: Pick<Unit, 'activeState'>): boolean {
  return ['activating', 'deactivating', 'reloading', 'refreshing', 'maintenance'].includes(activeState)
}
