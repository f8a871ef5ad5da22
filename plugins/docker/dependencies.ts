import { setTimeout as pause } from 'node:timers/promises'
import { RpcError } from '../../rpc/errors.ts'
import type { GatewayInstance } from '../define.ts'
import type { Changes, Reading } from '../programs/index.ts'
import { Compose, ComposeError, type Place } from './compose.ts'
import { type Action, allow, type Dependency, inTransit, seen, shortly, told, wrong } from './dependency.ts'
import type { Model, Service } from './model.ts'

/** Two looks that see the same, this far apart: what dies right after its start is not taken for running. */
const POLL_MS = 500
/** The part of the time of a control action that compose has for it. */
const ACT_SHARE = 0.7
/** Images of many gigabytes over an ordinary line. */
const PULL_MS = 60 * 60_000
const UP_MS = 5 * 60_000

/** All of them. `problem`: why there are none although there is a compose file. */
export interface Listing {
  readonly dependencies: Dependency[]
  readonly problem?: string
}

/** Result of a control action; the `statusText` is that of an action, not that of a list. */
export interface Controlled {
  readonly status: Pick<Dependency, 'id' | 'state' | 'health' | 'statusText' | 'job'>
  readonly message: string
}

interface Surroundings {
  readonly app: Pick<GatewayInstance, 'config' | 'programs' | 'audit' | 'log' | 'configStore'>
  readonly pollMs?: number
  readonly now?: () => number
}

/** Snapshot of the services and their containers. */
interface View {
  readonly model: Model | undefined
  readonly dependencies: readonly Dependency[]
  readonly problem?: string
}

/** The services that run beside the gateway, of one compose file. */
export class Dependencies {
  readonly #app: Surroundings['app']
  readonly #compose: Compose
  readonly #changes: Changes
  readonly #reading: Reading<View>
  readonly #pollMs: number
  readonly #now: () => number

  constructor({ app, pollMs = POLL_MS, now = () => performance.now() }: Surroundings) {
    this.#app = app
    this.#compose = new Compose({ programs: app.programs, log: app.log, masker: () => app.configStore.masker })
    this.#changes = app.programs.changes(app.log)
    this.#reading = app.programs.reading(() => this.#look())
    this.#pollMs = pollMs
    this.#now = now
  }

  /** In the order of the file, as they were a moment ago. A failure of Docker is part of the list and does not reject it. */
  async list(): Promise<Dependency[]> {
    return (await this.listing()).dependencies
  }

  /** The list, and why it is empty. */
  async listing(): Promise<Listing> {
    const { dependencies, problem } = await this.#reading.get()
    // Jobs go on while what was read is kept.
    return {
      dependencies: dependencies.map((dependency) => this.#withJob(dependency)),
      ...(problem === undefined ? {} : { problem })
    }
  }

  /**
   * Does something with one of them, and answers once it has settled, or when the time for it is over.
   * @throws RpcError InvalidRequest for an id that is not on the list; AgentBusy while it is being changed; InternalError when
   * Docker refuses
   */
  async control(id: string, action: Action, actor: string): Promise<Controlled> {
    const deadline = this.#now() + this.#timeoutMs()
    const { model, dependencies, problem } = await this.#reading.get()
    const service = model?.services.find((one) => one.id === id)
    if (!model || !service) {
      const known = dependencies.map((dependency) => dependency.id).join(', ') || (problem ?? 'none')
      throw wrong('dependency', `is not known; there are: ${known}`)
    }
    const target = { service, model, place: this.#place() }
    // Where Docker cannot be used it is not asked again.
    const unseen = dependencies.find((dependency) => dependency.id === id && dependency.problem !== undefined)
    if (unseen) allow(unseen, action)
    let outcome = 'failed'
    try {
      const controlled =
        action === 'update'
          ? await this.#update(target, actor, deadline)
          : await this.#changes.change(id, action, async (signal) => {
              allow(await this.#seeNow(target), action)
              return await this.#act(target, action, deadline, signal)
            })
      outcome = controlled.message
      return controlled
    } catch (error) {
      if (error instanceof RpcError) outcome = error.message
      throw error
    } finally {
      this.#app.audit.record('control.docker', actor, { dependency: id, service: service.service, action, outcome })
    }
  }

  /** Ends changes in progress. */
  async close(): Promise<void> {
    await this.#changes.close()
  }

  async #act(target: Target, action: Exclude<Action, 'update'>, deadline: number, signal: AbortSignal): Promise<Controlled> {
    const { service, model, place } = target
    try {
      const timeoutMs = this.#timeoutMs() * ACT_SHARE
      await this.#compose.tell(place, model, action, service.service, { timeoutMs, signal })
    } catch (error) {
      throw refusal(error, action, service)
    } finally {
      void this.#reading.fresh()
    }
    const dependency = await this.#settled(target, deadline, signal)
    void this.#reading.fresh()
    return { status: this.#status(dependency), message: told(dependency, action) }
  }

  /** Pulls the image and has compose reconcile the service with it. It has no deadline but those of the two commands. */
  async #update(target: Target, actor: string, deadline: number): Promise<Controlled> {
    const { service, model, place } = target
    const { id } = service
    if (this.#changes.job(id)?.state !== 'running') allow(await this.#seeNow(target), 'update')
    const job = await this.#changes.start(id, 'update', deadline - this.#now(), async ({ signal, tell }) => {
      let outcome = 'failed'
      try {
        const before = await this.#containers(target)
        tell(`pulling ${service.image ?? 'its image'}`)
        await this.#compose.tell(place, model, 'pull', service.service, { timeoutMs: PULL_MS, signal })
        tell('starting')
        await this.#compose.tell(place, model, 'up', service.service, { timeoutMs: UP_MS, signal })
        const dependency = await this.#settled(target, this.#now() + this.#timeoutMs(), signal)
        const after = await this.#containers(target)
        const same = before.join() === after.join()
        outcome = same ? 'its image was the latest already' : 'it runs from a newer image or with another configuration now'
        if (dependency.state !== 'running') throw new ComposeError(`${service.service} is ${shortly(dependency)} now`)
        return outcome
      } catch (error) {
        outcome = error instanceof ComposeError ? error.message : 'failed'
        throw error instanceof ComposeError ? new RpcError('InternalError', error.message) : error
      } finally {
        this.#app.audit.record('control.updated', actor, { dependency: id, outcome })
        void this.#reading.fresh()
      }
    })
    if (job.state === 'failed') throw new RpcError('InternalError', `Could not update ${service.service}: ${job.text}`)
    const status = this.#status(await this.#seeNow(target))
    if (job.state === 'done') return { status, message: `Updated ${service.service} container: ${job.text}.` }
    const goesOn = `Updating ${service.service} container: this goes on, and system.dockerDependencies shows how far it is.`
    return { status, message: goesOn }
  }

  /** Looks until two looks have seen the same, or the time is over. */
  async #settled(target: Target, deadline: number, signal: AbortSignal): Promise<Dependency> {
    let last: Dependency | undefined
    for (;;) {
      const look = await this.#seeNow(target, Math.max(100, deadline - this.#now()))
      if (look.problem === undefined) {
        const steady = last !== undefined && last.state === look.state && last.health === look.health
        if (steady && !inTransit(look)) return look
        last = look
      }
      // A look that came too late to see something takes nothing away from the one before.
      if (deadline - this.#now() <= this.#pollMs) return last ?? look
      await pause(this.#pollMs, undefined, { signal })
    }
  }

  async #look(): Promise<View> {
    const place = this.#place()
    try {
      const read = await this.#compose.model(place)
      if (!read) return { model: undefined, dependencies: [] }
      const { model, problem } = read
      if (problem !== undefined) return { model, dependencies: model.services.map((service) => seen(service, problem)) }
      const containers = await this.#compose.containers(place, model).catch(textOf)
      const dependencies = model.services.map((service) => seen(service, containers))
      return { model, dependencies }
    } catch (error) {
      return { model: undefined, dependencies: [], problem: textOf(error) }
    }
  }

  /** One of them as it is at this moment. */
  async #seeNow(target: Target, timeoutMs?: number): Promise<Dependency> {
    const limit = Math.min(timeoutMs ?? this.#timeoutMs(), 8000)
    const containers = await this.#compose.containers(target.place, target.model, limit).catch(textOf)
    return seen(target.service, containers)
  }

  /** Their ids: an update that changes nothing keeps them. */
  async #containers({ place, model, service }: Target): Promise<string[]> {
    const containers = await this.#compose.containers(place, model)
    return containers.flatMap((container) => (container.service === service.service ? [container.id] : [])).sort()
  }

  #status({ id, state, health, statusText, problem }: Dependency): Controlled['status'] {
    const job = this.#changes.job(id)
    const text = problem ?? (state === 'not_created' ? statusText : shortly({ state, health }))
    return { id, state, health, statusText: text, ...(job ? { job } : {}) }
  }

  #withJob(dependency: Dependency): Dependency {
    const job = this.#changes.job(dependency.id)
    if (!job) return dependency
    // Whatever is asked for while it runs is refused.
    return { ...dependency, job, availableActions: job.state === 'running' ? [] : dependency.availableActions }
  }

  #place(): Place {
    return this.#app.config.docker
  }

  #timeoutMs(): number {
    return this.#app.config.docker.controlTimeoutSeconds * 1000
  }
}

interface Target {
  readonly service: Service
  readonly model: Model
  readonly place: Place
}

function refusal(error: unknown, action: Action, { service }: Service): unknown {
  if (!(error instanceof ComposeError)) return error
  const data = error.denied ? { data: { reason: 'permission' } } : {}
  return new RpcError('InternalError', `Could not ${action} ${service}: ${error.message}`, data)
}

/** Error for a client. @throws an unforeseen error as it is */
function textOf(error: unknown): string {
  if (error instanceof ComposeError) return error.message
  throw error
}
