import { isIPv4 } from 'node:net'
import type { Config } from '../schema.ts'
import { checkMcp } from '../sections/mcp.ts'
import { PROVIDERS } from '../sections/models.ts'
import { join, Problems } from './problems.ts'

/** Adds a problem about `path`, unless that, or something else that it follows from, is wrong already. */
export type Complain = (path: string, text: string, from?: readonly string[]) => void

export function complainTo(problems: Problems, placeOf: (path: string) => string): Complain {
  return (path, text, from = []) => {
    if (![path, ...from].some((known) => problems.touch(known))) problems.add(placeOf(path), path, text)
  }
}

/** They answer nobody without a key, where they are by default. */
const KEYED: ReadonlySet<string> = new Set(['anthropic', 'openai'])
/** They have more than one model. What a provider of a plugin needs, the plugin knows. */
const NAMING_MODELS: ReadonlySet<string> = new Set(PROVIDERS.filter((name) => name !== 'offline'))

/** What no single key can get wrong, wherever the gateway runs. */
export function checkWhole({ server, models, tools }: Config, complain: Complain): void {
  const tiers = Object.entries(models)
  if (tiers.length > 0 && !models.default)
    complain('models.default', 'is missing: the tier that answers unless another is asked for')
  for (const [tier, providers] of tiers) {
    for (const [name, provider] of Object.entries(providers)) {
      const path = join(join('models', tier), name)
      if (NAMING_MODELS.has(name) && provider.model === undefined) complain(`${path}.model`, 'is missing: the name of the model')
      if (name === 'openai_compatible' && provider.baseUrl === undefined) {
        complain(`${path}.base_url`, 'is missing: where its API is')
      }
      if (KEYED.has(name) && provider.apiKey === undefined && provider.baseUrl === undefined) {
        complain(`${path}.api_key`, 'is missing: the key of the provider (only with a base_url of your own it may be left out)')
      }
    }
  }

  checkMcp(tools.mcp, complain)

  // What the token without a name is called.
  const names = new Set(server.token === undefined ? [] : ['default'])
  const secrets = new Set([server.token])
  for (const [index, { name, token }] of server.tokens.entries()) {
    const path = `server.tokens[${index}]`
    if (names.has(name)) complain(`${path}.name`, `must be unique, but ${name} is the name of another token too`)
    // Who is calling is told by the token alone.
    if (secrets.has(token)) complain(`${path}.token`, 'must be unique, but another token is the same')
    names.add(name)
    secrets.add(token)
  }
}

/** A gateway that runs by itself has no plugins that could bring more kinds of providers. */
export function checkProviders({ models }: Config, complain: Complain): void {
  for (const [tier, providers] of Object.entries(models)) {
    for (const name of Object.keys(providers)) {
      if (PROVIDERS.includes(name)) continue
      complain(join(join('models', tier), name), `is not known; known here: ${PROVIDERS.join(', ')}`)
    }
  }
}

/** What makes a gateway that listens by itself unsafe. An embedded one listens where its host does. */
export function checkExposure({ server, webhooks }: Config, complain: Complain): void {
  if (isLoopback(server.host)) return
  for (const [name, { allowUnsigned, secret, secrets }] of Object.entries(webhooks)) {
    if (!allowUnsigned || secret !== undefined || secrets.length > 0) continue
    complain(
      join(join('webhooks', name), 'allow_unsigned'),
      `lets anybody who reaches ${server.host} speak to the agent: set its secret, or server.host to 127.0.0.1`
    )
  }
  if (server.token === undefined && server.tokens.length === 0) {
    complain(
      'server.host',
      `is ${server.host}, where others can reach it without login: set server.token (or FLYNN_TOKEN), or listen on 127.0.0.1`,
      ['server.token', 'server.tokens']
    )
  }
  // Whoever can connect directly could write the header of `tailscale serve` himself.
  if (server.tailscaleIdentity) {
    complain(
      'server.tailscale_identity',
      `needs a loopback address to listen on, got ${server.host}: set server.host to 127.0.0.1, where tailscale serve connects to`
    )
  }
}

/**
 * What a gateway that listens by itself cannot have in force.
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

/** Names that are not surely this machine (a host name, a short form of an address) count as reachable. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}
