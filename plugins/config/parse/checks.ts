import { isIPv4 } from 'node:net'
import type { Config } from '../schema.ts'
import { checkMcp } from '../sections/mcp.ts'
import { PROVIDERS } from '../sections/models.ts'
import { join, Problems } from './problems.ts'

/** Adds a problem about `path`, unless `path` or one of `from` is wrong already. */
export type Complain = (path: string, text: string, from?: readonly string[]) => void

export function complainTo(problems: Problems, placeOf: (path: string) => string): Complain {
  return (path, text, from = []) => {
    if (![path, ...from].some((known) => problems.touch(known))) problems.add(placeOf(path), path, text)
  }
}

/** Providers that need a key at their default URL. */
const KEYED: ReadonlySet<string> = new Set(['anthropic', 'openai'])
/** Built-in providers that need a model. Providers of plugins check themselves. */
const NAMING_MODELS: ReadonlySet<string> = new Set(PROVIDERS.filter((name) => name !== 'offline'))

/** Checks that concern several keys, for every gateway. */
export function checkWhole({ server, models, tools }: Config, complain: Complain): void {
  const tiers = Object.entries(models)
  if (tiers.length > 0 && !models.default) complain('models.default', 'is missing: the tier that is used by default')
  for (const [tier, providers] of tiers) {
    for (const [name, provider] of Object.entries(providers)) {
      const path = join(join('models', tier), name)
      if (NAMING_MODELS.has(name) && provider.model === undefined) complain(`${path}.model`, 'is missing: name of the model')
      if (name === 'openai_compatible' && provider.baseUrl === undefined) {
        complain(`${path}.base_url`, 'is missing: URL of its API')
      }
      if (KEYED.has(name) && provider.apiKey === undefined && provider.baseUrl === undefined) {
        complain(`${path}.api_key`, 'is missing: key of the provider. It may be left out only with a base_url')
      }
    }
  }

  checkMcp(tools.mcp, complain)

  // Name of the token without a name.
  const names = new Set(server.token === undefined ? [] : ['default'])
  const secrets = new Set([server.token])
  for (const [index, { name, token }] of server.tokens.entries()) {
    const path = `server.tokens[${index}]`
    if (names.has(name)) complain(`${path}.name`, `must be unique: ${name} is the name of another token`)
    // The token alone identifies the caller.
    if (secrets.has(token)) complain(`${path}.token`, 'must be unique: another entry has the same token')
    names.add(name)
    secrets.add(token)
  }
}

/** Checks the names of providers, for a gateway that runs by itself. */
export function checkProviders({ models }: Config, complain: Complain): void {
  for (const [tier, providers] of Object.entries(models)) {
    for (const name of Object.keys(providers)) {
      if (PROVIDERS.includes(name)) continue
      complain(join(join('models', tier), name), `is not known; known here: ${PROVIDERS.join(', ')}`)
    }
  }
}

/** Checks for settings that expose a gateway which listens by itself. An embedded one listens where its host does. */
export function checkExposure({ server, webhooks }: Config, complain: Complain): void {
  if (isLoopback(server.host)) return
  for (const [name, { allowUnsigned, secret, secrets }] of Object.entries(webhooks)) {
    if (!allowUnsigned || secret !== undefined || secrets.length > 0) continue
    complain(
      join(join('webhooks', name), 'allow_unsigned'),
      `lets everyone who reaches ${server.host} write to the agent: set its secret, or set server.host to 127.0.0.1`
    )
  }
  if (server.token === undefined && server.tokens.length === 0) {
    complain(
      'server.host',
      `is ${server.host}, where others can reach it without a login: set server.token (or FLYNN_TOKEN), or listen on 127.0.0.1`,
      ['server.token', 'server.tokens']
    )
  }
  // A client that connects directly could send the header of `tailscale serve` itself.
  if (server.tailscaleIdentity) {
    complain(
      'server.tailscale_identity',
      `needs a loopback address to listen on, got ${server.host}: set server.host to 127.0.0.1, to which tailscale serve connects`
    )
  }
}

/**
 * Checks a configuration for a gateway that listens by itself.
 * @throws ConfigError
 */
export function checkListening(config: Config): void {
  const problems = new Problems()
  checkExposure(
    config,
    complainTo(problems, () => '')
  )
  problems.throw()
}

/** True for loopback addresses and `localhost`. Other names, and short forms of addresses, count as reachable. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}
