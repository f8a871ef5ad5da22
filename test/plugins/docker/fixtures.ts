import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { build, connect, scratch } from '../../helper.ts'
import type { Machine, StubContainer } from '../../programs/machine.ts'
import { stubPrograms } from '../../programs/stubs.ts'

/** The compose file of the specification's example, as compose prints it. */
export const CONFIG = {
  name: 'flynn',
  services: {
    flynn: { image: 'flynn' },
    'whisper-server': { image: 'whisper:latest', profiles: ['voice'], environment: { KEY: 'secret-of-whisper' } },
    'brave-search': { image: 'brave', profiles: ['search'], container_name: 'brave-search' },
    searxng: { image: 'searxng/searxng', profiles: ['search'], container_name: 'searxng' }
  }
}

const FILE = `
x-base: &base
  restart: unless-stopped
name: flynn
services:
  flynn: { image: flynn }
  whisper-server:
    <<: *base
    image: whisper:\${TAG:?}
    profiles: [voice]
  brave-search: { image: brave, container_name: brave-search, profiles: [search] }
  searxng: { image: searxng/searxng, container_name: searxng, profiles: [search] }
`

export const WHISPER: StubContainer = {
  Service: 'whisper-server',
  Name: 'flynn-whisper-server-1',
  State: 'running',
  Health: 'healthy',
  Status: 'Up 4 minutes (healthy)'
}

export const CONTAINERS: readonly StubContainer[] = [
  WHISPER,
  { Service: 'brave-search', Name: 'brave-search', State: 'running', Health: 'healthy', Status: 'Up 2 minutes' },
  { Service: 'searxng', Name: 'searxng', State: 'running', Status: 'Up 2 minutes' }
]

interface Config {
  readonly docker?: { readonly controlTimeoutSeconds?: number; readonly selfService?: string }
}

/** A gateway on a machine of stub programs, beside a compose file, and a client of it. */
export async function rig(t: TestContext, machine: Machine, config: Config = {}, file: string | undefined = FILE) {
  const stubs = await stubPrograms(t, machine)
  const composeFile = path.join(await scratch(t), 'docker-compose.yml')
  if (file !== '') await writeFile(composeFile, file)
  const { app, url, host } = await build(t, {
    plugins: [stubs.plugin],
    config: { docker: { composeFile, ...config.docker } }
  })
  const client = await connect(t, url)
  const listing = () => client.call('system.dockerDependencies')
  const list = async () => (await listing()).dependencies
  const control = (dependency: string, action: string) => client.call('system.dockerDependencyControl', { dependency, action })
  /** What compose was told, without where it is and without what only looks. */
  const told = async (): Promise<string[]> =>
    (await stubs.calls())
      .map(({ args }) => args.slice(args.indexOf('never') + 1).join(' '))
      .filter((words) => !/^(ps|config) /.test(words))
  return { ...stubs, composeFile, app, url, host, client, listing, list, control, told }
}
