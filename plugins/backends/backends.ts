import { setTimeout as pause } from 'node:timers/promises'
import { invalidParams, RpcError } from '../../rpc/errors.ts'
import type { GatewayInstance } from '../define.ts'
import type { Changes, Job, Reading } from '../programs/index.ts'
import { OLLAMA_URL, type Pull, pullAll } from './ollama.ts'
import type { BACKEND_ACTIONS } from './schema.ts'
import { inTransit, type Scope, Systemd, type Unit, type Verb } from './systemd.ts'

export type Action = (typeof BACKEND_ACTIONS)[number]

/** The servers of local models that are known: ids of the protocol, keys of the configuration, kinds of providers. */
const KNOWN = [
  { id: 'ollama', name: 'Ollama' },
  { id: 'llamacpp', name: 'llama.cpp' }
] as const
type Id = (typeof KNOWN)[number]['id']

/** Milliseconds for one `systemctl show`. */
const SHOW_MS = 3000
/** Two looks that see the same, this far apart: what dies right after its start is not taken for running. */
const POLL_MS = 500
/** Part of the time of a control action in which systemd does it. The rest is for the looks after it. */
const ACT_SHARE = 0.7
/** Milliseconds for which a refusal is remembered: the operator may allow the action later. */
const DENIED_MS = 5 * 60_000

/** One server of local models, as it is now. */
export interface Backend extends Omit<Unit, 'restartCount'> {
  readonly id: string
  /** The kind of provider under `models` that speaks to it. */
  readonly provider: string
  readonly name: string
  readonly unit: string
  /** Null when no manager knows the unit. */
  readonly scope: Scope | null
  /** The configuration has a model of it, or the machine has its unit. */
  readonly configured: boolean
  readonly availableActions: Action[]
  readonly restartCount?: number
  /** Why it cannot be seen, or not be controlled. */
  readonly problem?: string
  /** The update that runs, or the last one. */
  readonly job?: Job
}

/** Result of a control action. */
export interface Controlled {
  readonly status: Backend
  readonly message: string
}

interface Surroundings {
  readonly app: Pick<GatewayInstance, 'config' | 'programs' | 'audit' | 'log'>
  readonly pollMs?: number
  readonly now?: () => number
}

/** The servers of local models that systemd runs on this machine. */
export class Backends {
  readonly #app: Surroundings['app']
  readonly #systemd: Systemd
  readonly #changes: Changes
  readonly #reading: Reading<Backend[]>
  readonly #denied = new Map<string, { readonly why: string; readonly until: number }>()
  readonly #pollMs: number
  readonly #now: () => number

  constructor({ app, pollMs = POLL_MS, now = () => performance.now() }: Surroundings) {
    this.#app = app
    this.#systemd = new Systemd(app.programs)
    this.#changes = app.programs.changes(app.log)
    this.#reading = app.programs.reading(() => this.#look(KNOWN, SHOW_MS))
    this.#pollMs = pollMs
    this.#now = now
  }

  /** All backends in a fixed order, as they were a moment ago. A failure of systemd is part of the list and does not reject it. */
  async list(): Promise<Backend[]> {
    const backends = await this.#reading.get()
    // Jobs go on while what was read is kept.
    return backends.map((backend) => this.#withJob(backend))
  }

  /**
   * Does something with one of them, and answers once it has settled, or when the time for it is over.
   * @throws RpcError InvalidRequest for an id that is not on the list; AgentBusy while it is being changed; InternalError when
   * systemd refuses
   */
  async control(id: string, action: Action, actor: string): Promise<Controlled> {
    const known = KNOWN.find((one) => one.id === id)
    if (!known) throw wrong('backend', `is not known; there are: ${KNOWN.map((one) => one.id).join(', ')}`)
    let outcome = 'failed'
    let unit: { unit: string; scope: Scope | null } | undefined
    try {
      const controlled =
        action === 'update' && known.id === 'ollama'
          ? await this.#pull(known.id, actor)
          : await this.#changes.change(id, action, async (signal) => {
              const [before] = await this.#look([known], SHOW_MS)
              allow(before!, action)
              unit = { unit: before!.unit, scope: before!.scope }
              return await this.#act(before!, action, signal)
            })
      outcome = controlled.message
      return { ...controlled, status: this.#withJob(controlled.status) }
    } catch (error) {
      if (error instanceof RpcError) outcome = error.message
      throw error
    } finally {
      this.#app.audit.record('control.backend', actor, { backend: id, action, ...unit, outcome })
    }
  }

  /** Ends changes in progress. */
  async close(): Promise<void> {
    await this.#changes.close()
  }

  async #act(before: Backend, action: Action, signal: AbortSignal): Promise<Controlled> {
    const deadline = this.#now() + this.#timeoutMs()
    const { unit } = before
    const scope = before.scope!
    const verb: Verb = action === 'update' ? 'try-restart' : action
    const { how, text } = await this.#systemd.act(scope, verb, unit, this.#timeoutMs() * ACT_SHARE, signal)
    if (how === 'denied') {
      this.#denied.set(`${scope} ${unit}`, { why: text, until: this.#now() + DENIED_MS })
      // The list is not to offer it once more.
      void this.#reading.fresh()
      throw new RpcError('InternalError', `Could not ${action} ${unit}: ${text}`, { data: { reason: 'permission' } })
    }
    this.#denied.delete(`${scope} ${unit}`)
    const status = await this.#settled(before, deadline, signal)
    // The next list shows it.
    void this.#reading.fresh()
    return { status, message: told(status, action, how === 'failed' ? text : undefined) }
  }

  /** Looks until two looks have seen the same, or the time is over. */
  async #settled(before: Backend, deadline: number, signal: AbortSignal): Promise<Backend> {
    const [known, scope] = [KNOWN.find(({ id }) => id === before.id)!, before.scope!]
    let last: Backend | undefined
    for (;;) {
      const left = deadline - this.#now()
      const shown = await this.#systemd.show(scope, [before.unit], Math.min(SHOW_MS, Math.max(left, 100)))
      const seen =
        typeof shown === 'string'
          ? this.#unseen(known, before.unit, shown)
          : this.#seen(known, before.unit, { ...shown.get(before.unit)!, scope })
      if (typeof shown !== 'string') {
        const steady = last && last.activeState === seen.activeState && last.pid === seen.pid
        if (steady && !inTransit(seen)) return seen
        last = seen
      }
      // A look that came too late to see something takes nothing away from the one before.
      if (deadline - this.#now() <= this.#pollMs) return last ?? seen
      await pause(this.#pollMs, undefined, { signal })
    }
  }

  /** Has Ollama pull the models of the configuration. It has no deadline. */
  async #pull(id: Id, actor: string): Promise<Controlled> {
    const [before] = await this.#look([KNOWN.find((one) => one.id === id)!], SHOW_MS)
    // While a pull runs nothing else is possible, so the answer names the pull.
    if (this.#changes.job(id)?.state !== 'running') allow(before!, 'update')
    const pulls = this.#pulls()
    const job = await this.#changes.start(id, 'update', this.#timeoutMs(), async (context) => {
      try {
        const text = await pullAll(pulls, context)
        this.#app.audit.record('control.updated', actor, { backend: id, outcome: text })
        return text
      } catch (error) {
        const outcome = error instanceof RpcError ? error.message : 'failed'
        this.#app.audit.record('control.updated', actor, { backend: id, outcome })
        throw error
      }
    })
    const [status] = await this.#look([KNOWN.find((one) => one.id === id)!], SHOW_MS)
    if (job.state === 'running') {
      const models = pulls.length === 1 ? '1 model' : `${pulls.length} models`
      return { status: status!, message: `Pulling ${models}: this goes on, and system.localBackends shows how far it is.` }
    }
    if (job.state === 'failed') throw new RpcError('InternalError', `Could not update ${id}: ${job.text}`)
    return { status: status!, message: `Updated ${id}: ${job.text}.` }
  }

  async #look(which: readonly (typeof KNOWN)[number][], timeoutMs: number): Promise<Backend[]> {
    const { backends } = this.#app.config
    const wanted = which.map((known) => ({ known, unit: backends[known.id].unit }))
    const { units, problem } = await this.#systemd.find([...new Set(wanted.map(({ unit }) => unit))], timeoutMs)
    return wanted.map(({ known, unit }) => {
      const found = units.get(unit)
      return found ? this.#seen(known, unit, found) : this.#unseen(known, unit, problem)
    })
  }

  #seen(known: (typeof KNOWN)[number], unit: string, found: Unit & { scope: Scope }): Backend {
    const { restartCount, ...state } = found
    const denied = this.#denied.get(`${found.scope} ${unit}`)
    const refused = denied && this.#now() < denied.until ? denied.why : undefined
    return {
      id: known.id,
      provider: known.id,
      name: known.name,
      unit,
      configured: true,
      ...state,
      availableActions: refused === undefined ? this.#actions(known.id, found) : [],
      ...(restartCount === undefined ? {} : { restartCount }),
      ...(refused === undefined ? {} : { problem: refused })
    }
  }

  /** State of a backend that no manager knows, or that could not be looked up. */
  #unseen({ id, name }: (typeof KNOWN)[number], unit: string, problem: string | undefined): Backend {
    return {
      id,
      provider: id,
      name,
      unit,
      scope: null,
      configured: this.#models(id).length > 0,
      loadState: 'not-found',
      activeState: problem === undefined ? 'inactive' : 'unknown',
      subState: problem === undefined ? 'dead' : 'unknown',
      unitFileState: '',
      description: '',
      pid: null,
      result: '',
      statusText: problem ?? `there is no unit ${unit}`,
      availableActions: [],
      ...(problem === undefined ? {} : { problem })
    }
  }

  #withJob(backend: Backend): Backend {
    const job = this.#changes.job(backend.id)
    if (!job) return backend
    // Whatever is asked for while it runs is refused.
    return { ...backend, job, availableActions: job.state === 'running' ? [] : backend.availableActions }
  }

  #actions(id: Id, { loadState, activeState }: Unit): Action[] {
    if (loadState !== 'loaded') return []
    if (activeState === 'inactive' || activeState === 'failed') return ['start']
    // An update of Ollama needs something to pull; that of llama.cpp is a restart.
    const update: Action[] = id === 'ollama' && this.#models(id).length === 0 ? [] : ['update']
    if (activeState === 'active' || activeState === 'reloading') return ['restart', 'stop', ...update]
    // What starts again and again can be stopped.
    return activeState === 'activating' ? ['stop'] : []
  }

  #models(id: Id) {
    return Object.values(this.#app.config.models).flatMap((tier) => (tier[id] ? [tier[id]] : []))
  }

  /** The models of all tiers, each once. */
  #pulls(): Pull[] {
    const pulls = new Map<string, Pull>()
    for (const { model, baseUrl = OLLAMA_URL, apiKey } of this.#models('ollama')) {
      if (model !== undefined) pulls.set(JSON.stringify([baseUrl, model]), { model, baseUrl, apiKey })
    }
    return [...pulls.values()]
  }

  #timeoutMs(): number {
    return this.#app.config.backends.controlTimeoutSeconds * 1000
  }
}

function wrong(param: string, text: string): RpcError {
  return invalidParams([{ path: `params.${param}`, message: text }])
}

/** @throws RpcError InvalidRequest that lists the available actions */
function allow({ id, availableActions, statusText, problem }: Backend, action: Action): void {
  if (availableActions.includes(action)) return
  const possible = availableActions.join(', ') || 'nothing'
  throw wrong('action', `cannot be ${action} for ${id} now (${problem ?? statusText}); possible: ${possible}`)
}

const DONE = { start: 'Started', restart: 'Restarted', stop: 'Stopped', update: 'Restarted' } as const

function told({ unit, activeState, statusText, result, problem }: Backend, action: Action, failure: string | undefined): string {
  if (problem !== undefined) return `Asked systemd to ${action} ${unit}; what became of it cannot be seen: ${problem}.`
  const reached = action === 'stop' ? activeState === 'inactive' || activeState === 'failed' : activeState === 'active'
  if (failure !== undefined) return `Could not ${action} ${unit}, which is ${statusText} now: ${failure}.`
  if (reached) return `${DONE[action]} ${unit}.`
  const why = result === 'success' || result === '' ? '' : `: ${result}`
  return `Asked systemd to ${action} ${unit}, which is ${statusText} now${why}.`
}
