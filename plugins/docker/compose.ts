import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import type { FastifyBaseLogger } from 'fastify'
import type { Masker } from '../../security/masking/masker.ts'
import { masked } from '../../security/sanitize.ts'
import type { Outcome, Programs, RunOptions } from '../programs/index.ts'
import { type Container, parsePs } from './containers.ts'
import { type Model, modelOf } from './model.ts'
import { projectFiles } from './project-files.ts'

/** Command of compose for one service. */
export type Command = 'start' | 'restart' | 'stop' | 'pull' | 'up'

/** A client text never gets here: services are those of the model. `--no-deps` keeps everybody else's containers as they are. */
const COMMANDS: Readonly<Record<Command, readonly string[]>> = {
  // Not `start`, which fails without a container. An existing container stays as it is: variables that made it may be missing here.
  start: ['up', '-d', '--no-deps', '--no-build', '--no-recreate'],
  restart: ['restart', '--no-deps'],
  stop: ['stop', '-t', '10'],
  pull: ['pull', '--quiet', '--ignore-buildable'],
  up: ['up', '-d', '--no-deps', '--no-build', '--quiet-pull']
}

/** Reading the model and the containers, each. */
const READ_MS = 8000
/** Files that compose includes may change without the one that is looked at. */
const MODEL_MS = 60_000
const MAX_FILE = 1024 * 1024
const MAX_LOGGED = 1000

/** Something compose could not do: what a client may know of it. */
export class ComposeError extends Error {
  override readonly name = 'ComposeError'
  /** The gateway's user may not use Docker. */
  readonly denied: boolean

  constructor(message: string, denied = false) {
    super(message)
    this.denied = denied
  }
}

interface Surroundings {
  readonly programs: Pick<Programs, 'run' | 'environment'>
  readonly log: Pick<FastifyBaseLogger, 'warn'>
  /** Knows the secrets of the gateway, which compose may have been given too. */
  readonly masker: () => Masker
  readonly now?: () => number
}

/** Compose file, and the service in it that is the gateway. */
export interface Place {
  readonly composeFile: string
  readonly selfService: string
}

/** Calls of `docker compose`. */
export class Compose {
  readonly #programs: Surroundings['programs']
  readonly #log: Surroundings['log']
  readonly #masker: Surroundings['masker']
  readonly #now: () => number
  #model: { readonly of: string; readonly until: number; readonly model: Model } | undefined

  constructor({ programs, log, masker, now = () => performance.now() }: Surroundings) {
    this.#programs = programs
    this.#log = log
    this.#masker = masker
    this.#now = now
  }

  /**
   * The services of the file; undefined where there is no file. Where compose cannot read it, the gateway does so by itself:
   * then `problem` says why.
   * @throws ComposeError for an unreadable file
   */
  async model({ composeFile, selfService }: Place): Promise<{ model: Model; problem?: string } | undefined> {
    const files = await this.#files(composeFile)
    const states = await Promise.all(files.map(stateOf))
    const [first] = files
    if (first === undefined) return undefined
    const of = JSON.stringify([files, selfService, states])
    if (this.#model?.of === of && this.#now() < this.#model.until) return { model: this.#model.model }
    const folder = path.basename(path.dirname(composeFile))
    try {
      const model = modelOf(await this.#config(composeFile), selfService, folder)
      this.#model = { of, model, until: this.#now() + MODEL_MS }
      return { model }
    } catch (error) {
      const problem = error instanceof ComposeError ? error.message : 'docker compose gave an answer that cannot be read'
      return { model: await this.#readAlone(first, selfService, folder, problem), problem }
    }
  }

  /** The containers of the project, those that are stopped included. @throws ComposeError */
  async containers({ composeFile }: Place, { project }: Model, timeoutMs = READ_MS): Promise<Container[]> {
    const outcome = await this.#run(composeFile, project, ['ps', '--all', '--format', 'json'], { timeoutMs })
    if (outcome.code !== 0 || outcome.truncated) throw this.#failure(outcome)
    try {
      return parsePs(outcome.stdout)
    } catch {
      throw new ComposeError('docker compose gave an answer that cannot be read')
    }
  }

  /** @throws ComposeError; the reason of the signal */
  async tell({ composeFile }: Place, { project }: Model, command: Command, service: string, options: RunOptions): Promise<void> {
    const outcome = await this.#run(composeFile, project, [...COMMANDS[command], service], options)
    if (outcome.code !== 0) throw this.#failure(outcome)
  }

  async #files(composeFile: string): Promise<string[]> {
    return await projectFiles(composeFile, this.#programs.environment)
  }

  async #config(composeFile: string): Promise<unknown> {
    const args = ['config', '--format', 'json']
    let outcome = await this.#run(composeFile, undefined, args, { timeoutMs: READ_MS })
    if (outcome.code !== 0 && !unusable(outcome)) {
      // A variable that must be set may be missing here: names and profiles are known without it.
      outcome = await this.#run(composeFile, undefined, [...args, '--no-interpolate'], { timeoutMs: READ_MS })
    }
    if (outcome.code !== 0 || outcome.truncated) throw this.#failure(outcome)
    return JSON.parse(outcome.stdout)
  }

  async #readAlone(composeFile: string, self: string, folder: string, problem: string): Promise<Model> {
    try {
      if ((await stat(composeFile)).size > MAX_FILE) throw new Error('too large')
      const text = await readFile(composeFile, 'utf8')
      const { parse } = await import('yaml')
      return modelOf(parse(text, { merge: true, logLevel: 'silent' }), self, folder)
    } catch {
      throw new ComposeError(`${problem}, and the compose file cannot be read without it`)
    }
  }

  /** All profiles, always: a service that depends on one of a profile that is off would make the file invalid. */
  async #run(composeFile: string, project: string | undefined, args: readonly string[], options: RunOptions): Promise<Outcome> {
    const files = await this.#files(composeFile)
    const where = [
      ...files.flatMap((file) => ['-f', file]),
      '--project-directory',
      path.dirname(composeFile),
      '--profile',
      '*',
      '--ansi',
      'never'
    ]
    return await this.#programs.run(
      'docker',
      ['compose', ...(project === undefined ? [] : ['-p', project]), ...where, ...args],
      options
    )
  }

  /** Details may name files and hold values of the compose file: they are for the log alone. */
  #failure(outcome: Outcome): ComposeError {
    const known = unusable(outcome)
    if (known) return known
    const { code, stderr } = outcome
    this.#log.warn(
      { code, stderr: masked(stderr.trim(), { masker: this.#masker(), limit: MAX_LOGGED }) },
      'docker compose has failed'
    )
    const end = code === null ? 'could not be started, or was killed' : `failed with exit code ${code}`
    return new ComposeError(`docker compose ${end}; the log of the gateway says more`)
  }
}

async function stateOf(file: string): Promise<unknown> {
  const { mtimeMs, size } = await stat(file).catch(() => {
    throw new ComposeError('the compose file cannot be read')
  })
  return [mtimeMs, size]
}

/** Reason for which Docker cannot be used at all, when the outcome shows one. */
function unusable({ missing, timedOut, truncated, stderr }: Outcome): ComposeError | undefined {
  if (missing) return new ComposeError('docker is not installed on this machine')
  if (timedOut) return new ComposeError('docker did not answer in time')
  if (truncated) return new ComposeError('docker printed too much')
  if (/unknown command: docker compose|'compose' is not a docker command|unknown shorthand flag|unknown flag: --p/.test(stderr)) {
    return new ComposeError('docker has no compose plugin on this machine')
  }
  if (/permission denied while trying to connect|dial unix [^\n]*permission denied/i.test(stderr)) {
    return new ComposeError('the user that the gateway runs as has no permission to use Docker', true)
  }
  if (/cannot connect to the docker daemon|error during connect|is the docker daemon running/i.test(stderr)) {
    return new ComposeError('the Docker engine cannot be reached')
  }
  return undefined
}
