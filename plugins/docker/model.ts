/** Service of a compose file, reduced to the members in use. The rest may hold secrets and is dropped. */
export interface Service {
  /** As clients name it. */
  readonly id: string
  readonly name: string
  readonly service: string
  readonly containerName: string
  readonly image: string | undefined
}

/** A compose file, all profiles of it. */
export interface Model {
  readonly project: string
  readonly services: readonly Service[]
}

/** Services of one file: more than anybody runs beside a gateway. */
const MAX_SERVICES = 200
const SERVICE = /^[a-zA-Z0-9._-]{1,128}$/
const MAX_TEXT = 128

/** Names that are not made of their words. */
const NAMES: Readonly<Record<string, string>> = {
  whisper: 'Whisper (whisper.cpp)',
  searxng: 'SearXNG',
  ollama: 'Ollama',
  postgres: 'PostgreSQL',
  redis: 'Redis',
  qdrant: 'Qdrant'
}

/**
 * Makes a model of the output of `docker compose config --format json`, or of the compose file itself.
 * @param self the service that is left out
 * @param folder what the project is called after where the file does not say
 * @throws an Error where there are no services at all
 */
export function modelOf(document: unknown, self: string, folder: string): Model {
  const { name, services } = record(document) ?? {}
  const entries = Object.entries(record(services) ?? {})
  if (entries.length === 0 && record(services) === undefined) throw new Error('there are no services in it')
  const project = projectName(text(name) ?? '') || projectName(folder) || 'default'
  const wanted = entries.filter(([service]) => service !== self && SERVICE.test(service)).slice(0, MAX_SERVICES)
  const ids = idsOf(wanted)
  return {
    project,
    services: wanted.map(([service, content]) => {
      const { container_name, image, ...rest } = record(content) ?? {}
      const id = ids.get(service)!
      const title = hint(rest, 'name')
      return {
        id,
        service,
        name: title ?? (Object.hasOwn(NAMES, id) ? NAMES[id]! : words(id)),
        containerName: text(container_name) ?? `${project}-${service}-1`,
        image: text(image)
      }
    })
  }
}

/** Each service under the id that it asks for, else its name without `-server`, else its name: whatever is not taken. */
function idsOf(services: ReadonlyArray<readonly [string, unknown]>): Map<string, string> {
  const names = new Set(services.map(([service]) => service))
  const ids = new Map<string, string>()
  const taken = new Set<string>()
  for (const [service, content] of services) {
    const short = service.replace(/-server$/, '')
    const wish = [hint(record(content) ?? {}, 'id'), short].find(
      (id) => id !== undefined && SERVICE.test(id) && !taken.has(id) && (id === service || !names.has(id))
    )
    const id = wish ?? service
    ids.set(service, id)
    taken.add(id)
  }
  return ids
}

/** `flynn.id` among the labels, or `id` under `x-flynn`. */
function hint(service: Readonly<Record<string, unknown>>, what: 'id' | 'name'): string | undefined {
  const { labels, 'x-flynn': own } = service
  const listed = Array.isArray(labels) ? labels.find((label) => String(label).startsWith(`flynn.${what}=`)) : undefined
  const label = listed === undefined ? record(labels)?.[`flynn.${what}`] : String(listed).slice(`flynn.${what}=`.length)
  return text(label) ?? text(record(own)?.[what])
}

/** `brave-search` → `Brave Search` */
function words(id: string): string {
  return id
    .split(/[-_.]+/)
    .filter((word) => word !== '')
    .map((word) => word[0]!.toUpperCase() + word.slice(1))
    .join(' ')
}

/** As compose makes it of any text. */
function projectName(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, '')
    .replace(/^[_-]+/, '')
}

function record(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined
}

/** A text that says something; where nothing was interpolated, a variable does not. */
function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && value.length <= MAX_TEXT * 4 && !value.includes('$') ? value : undefined
}
