/** One container of a service, as compose lists it. */
export interface Container {
  readonly id: string
  readonly service: string
  readonly name: string
  /** `created`, `running`, `paused`, `restarting`, `removing`, `exited`, `dead` */
  readonly state: string
  readonly health: 'none' | 'starting' | 'healthy' | 'unhealthy'
  /** `Up 4 minutes (healthy)` */
  readonly status: string
  readonly exitCode: number | undefined
}

const STATES = ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead']
/** Of several containers of one service the one that needs looking at stands for it. */
const WORST_FIRST = ['dead', 'restarting', 'exited', 'removing', 'paused', 'created', 'running']

/**
 * Parses the output of `docker compose ps --format json`: an array, or, since compose 2.21, an object a line. What
 * `docker compose run` has left is not listed.
 * @throws an Error when it is neither
 */
export function parsePs(text: string): Container[] {
  const rows = text.trimStart().startsWith('[')
    ? parseRows(text)
    : text
        .split('\n')
        .filter((line) => line.trim() !== '')
        .map(parseRow)
  return rows
    .filter(({ Labels }) => !/(?:^|,)com\.docker\.compose\.oneoff=True(?:,|$)/.test(String(Labels ?? '')))
    .map(containerOf)
}

type Row = Readonly<Record<string, unknown>>

function parseRows(text: string): Row[] {
  const value: unknown = JSON.parse(text)
  if (!Array.isArray(value)) throw new Error('not a list')
  return value.map(rowOf)
}

function parseRow(line: string): Row {
  return rowOf(JSON.parse(line))
}

function rowOf(value: unknown): Row {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('not a container')
  return value as Row
}

function containerOf(row: Row): Container {
  const text = (name: string): string => (typeof row[name] === 'string' ? row[name] : '')
  const state = text('State').toLowerCase()
  const status = text('Status')
  const health = text('Health').toLowerCase() || healthIn(status)
  return {
    id: text('ID'),
    service: text('Service'),
    name: text('Name') || text('Names'),
    state: STATES.includes(state) ? state : 'unknown',
    health: health === 'starting' || health === 'healthy' || health === 'unhealthy' ? health : 'none',
    status,
    exitCode: typeof row.ExitCode === 'number' ? row.ExitCode : undefined
  }
}

function healthIn(status: string): string {
  return /\((?:health: )?(starting|healthy|unhealthy)\)/.exec(status)?.[1] ?? ''
}

/** The one that stands for its service. */
export function standingFor(service: string, containers: readonly Container[]): Container | undefined {
  return containers
    .filter((container) => container.service === service)
    .sort((one, other) => WORST_FIRST.indexOf(one.state) - WORST_FIRST.indexOf(other.state))[0]
}
