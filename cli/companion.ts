import { hostname } from 'node:os'
import { RpcError } from '../rpc/client/index.ts'
import { type CompanionState, createCompanion, type DescribedCapability } from '../rpc/companion/index.ts'
import { machinePlatform } from '../rpc/companion/machine.ts'
import { GatewayError, openClient, reasonOf } from './client.ts'
import { Consent, covers } from './consent.ts'
import { UsageError } from './exit.ts'
import { interruptible } from './interrupt.ts'
import { say } from './output.ts'
import { findTarget, type TargetFlags } from './target.ts'

export interface CompanionFlags extends TargetFlags {
  readonly name?: string
  readonly allow?: string
}

/** Turns this machine into a node until Ctrl-C, across restarts of the gateway. */
export async function companion(flags: CompanionFlags, env: NodeJS.ProcessEnv): Promise<number> {
  const target = await findTarget(flags, env)
  const platform = await machinePlatform()
  const names = Object.keys(platform.capabilities)
  const isTerminal = process.stdin.isTTY && process.stderr.isTTY
  const consent = new Consent({
    allowed: allowedOf(flags.allow, names),
    terminal: isTerminal ? { input: process.stdin, output: process.stderr } : undefined
  })
  const capabilities = Object.fromEntries(
    names
      .filter((name) => consent.mayOffer(name))
      .map((name) => [name, withConsent(consent, platform.capabilities[name]!)] as const)
  )
  const withheld = names.filter((name) => !(name in capabilities))
  const client = await openClient(target)
  const node = createCompanion({
    client,
    nodeId: flags.name ?? hostname().replace(/[^A-Za-z0-9._-]/g, '-'),
    capabilities,
    status: platform.status
  })
  const { promise, reject } = Promise.withResolvers<never>()
  const show = (state: CompanionState): void => {
    if (state.name === 'registered') say(describe(node.nodeId, target.url, state.registration.capabilities))
    if (state.name === 'refused') reject(new GatewayError(new RpcError(state)))
  }
  let lost = false
  client.onState((state) => {
    if (state.name === 'waiting' && !lost) say(`Lost the gateway: ${reasonOf(state)} Trying again …`)
    lost = state.name !== 'connected'
  })
  node.onState(show)
  if (withheld.length > 0) say(`Not offered without --allow: ${withheld.join(', ')}.`)
  show(node.state)
  try {
    return await interruptible(promise, () => {})
  } finally {
    await node.close()
    await client.close()
  }
}

/** @throws UsageError for a name that this machine does not have */
function allowedOf(list: string | undefined, names: readonly string[]): string[] {
  const allowed = (list ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
  const unknown = allowed.find((name) => !names.some((capability) => covers(name, capability)))
  if (unknown === undefined) return allowed
  throw new UsageError(`--allow names a capability that this machine does not have. It has: ${names.join(', ') || 'none'}`)
}

function withConsent(consent: Consent, capability: DescribedCapability): DescribedCapability {
  return {
    ...capability,
    run: async (args, context) => {
      await consent.require({ ...context, args })
      say(`The gateway uses ${context.capability}.`)
      return await capability.run(args, context)
    }
  }
}

function describe(
  nodeId: string,
  url: string,
  { declared, enabled }: { readonly declared: readonly string[]; readonly enabled: readonly string[] }
): string {
  const closed = declared.filter((name) => !enabled.includes(name))
  return [
    `${nodeId} is a node of ${url} and offers ${enabled.join(', ') || 'its status'}. Ctrl-C ends it.`,
    ...(closed.length > 0 ? [`Not enabled by server.nodes.feature_gates of the gateway: ${closed.join(', ')}.`] : [])
  ].join('\n')
}
