import type { Static } from '@sinclair/typebox'
import { invalidParams, RpcError } from '../../rpc/errors.ts'
import { type Negotiated, NODE_PROTOCOL, type RegisterParams } from './schema.ts'

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

/**
 * Negotiates with a node: the lower version of the protocol, and the declared capabilities whose feature gate is open.
 * @throws RpcError InvalidRequest for a role that is not allowed
 */
export function negotiate(
  { nodeId, role, protocolVersion, capabilities }: Static<typeof RegisterParams>,
  { allowedRoles, featureGates }: NodesConfig
): Static<typeof Negotiated> {
  if (!allowedRoles.includes(role)) {
    throw invalidParams([{ path: 'params.role', message: `must be one of ${allowedRoles.join(', ') || '(none is allowed)'}` }])
  }
  const declared = [...new Set(capabilities)]
  return {
    node: { id: nodeId, role },
    protocol: {
      serverVersion: NODE_PROTOCOL,
      clientVersion: protocolVersion,
      negotiatedVersion: Math.min(protocolVersion, NODE_PROTOCOL)
    },
    capabilities: underGates(declared, featureGates)
  }
}

/** Declared capabilities that may be used. */
export function underGates(
  declared: readonly string[],
  featureGates: NodesConfig['featureGates']
): Static<typeof Negotiated>['capabilities'] {
  // Own keys only: a node may well declare `constructor`.
  const enabled = declared.filter((name) => Object.hasOwn(featureGates, name) && featureGates[name] === true)
  return { declared: [...declared], enabled }
}
