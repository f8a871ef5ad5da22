import type { Static } from '@sinclair/typebox'
import type { StoredCapability } from '../../db/client.ts'
import { invalidParams, RpcError } from '../../rpc/errors.ts'
import { MAX_DESCRIBED_CHARACTERS, type Negotiated, NODE_PROTOCOL, type RegisterParams } from './schema.ts'

/** `server.nodes` of the configuration. */
export interface NodesConfig {
  readonly enabled: boolean
  readonly allowedRoles: readonly string[]
  readonly featureGates: Readonly<Record<string, boolean>>
  readonly location: { readonly enabled: boolean }
  readonly push: { readonly enabled: boolean }
}

/** @throws RpcError InvalidRequest that says what to set */
export function requireEnabled(config: NodesConfig, part?: 'location' | 'push'): void {
  const missing = !config.enabled
    ? 'server.nodes.enabled'
    : part && !config[part].enabled
      ? `server.nodes.${part}.enabled`
      : undefined
  if (missing) throw new RpcError('InvalidRequest', `Not enabled on this gateway: it needs ${missing}: true`)
}

/** Terms agreed with a node, and all that it declared. */
export interface Agreement extends Static<typeof Negotiated> {
  readonly offers: readonly StoredCapability[]
}

/**
 * Negotiates with a node: the lower version of the protocol, and the declared capabilities whose feature gate is open.
 * @throws RpcError InvalidRequest for a role that is not allowed, or descriptions that are not as they should be
 */
export function negotiate(
  { nodeId, role, protocolVersion, capabilities }: Static<typeof RegisterParams>,
  { allowedRoles, featureGates }: NodesConfig
): Agreement {
  if (!allowedRoles.includes(role)) {
    throw invalidParams([{ path: 'params.role', message: `must be one of ${allowedRoles.join(', ') || '(none is allowed)'}` }])
  }
  const offers = offersOf(capabilities)
  return {
    node: { id: nodeId, role },
    protocol: {
      serverVersion: NODE_PROTOCOL,
      clientVersion: protocolVersion,
      negotiatedVersion: Math.min(protocolVersion, NODE_PROTOCOL)
    },
    offers,
    capabilities: underGates(offers, featureGates)
  }
}

/** Capabilities as clients see them: those declared, those that may be used, those with a description. */
export function underGates(
  offers: readonly StoredCapability[],
  featureGates: NodesConfig['featureGates']
): Static<typeof Negotiated>['capabilities'] {
  const declared = offers.map(({ name }) => name)
  // Own keys only: a node may well declare `constructor`.
  const enabled = declared.filter((name) => Object.hasOwn(featureGates, name) && featureGates[name] === true)
  const details = offers.filter(({ description, params }) => description !== undefined || params !== undefined)
  return { declared, enabled, ...(details.length > 0 ? { details: details.map((one) => ({ ...one })) } : {}) }
}

/** One entry a name: the last one. */
function offersOf(capabilities: Static<typeof RegisterParams>['capabilities']): StoredCapability[] {
  const offers = new Map<string, StoredCapability>()
  for (const [index, capability] of capabilities.entries()) {
    const offer = typeof capability === 'string' ? { name: capability } : capability
    const type = offer.params?.type ?? 'object'
    if (type !== 'object') {
      const path = `params.capabilities[${index}].params`
      throw invalidParams([{ path, message: 'must be a JSON Schema of an object: its type is another one' }])
    }
    offers.set(offer.name, offer)
  }
  const characters = capabilities.reduce((sum, one) => sum + (typeof one === 'string' ? 0 : JSON.stringify(one).length), 0)
  if (characters <= MAX_DESCRIBED_CHARACTERS) return [...offers.values()]
  const message = `have ${characters} characters of descriptions and schemas as JSON: at most ${MAX_DESCRIBED_CHARACTERS} are allowed`
  throw invalidParams([{ path: 'params.capabilities', message }])
}
