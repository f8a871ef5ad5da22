import type { Config } from '../../plugins/config/schema.ts'
import { type Finding, warn } from './finding.ts'

/** Warns of channels that take messages from everyone. */
export function checkPairing({ pairing }: Config): Finding[] {
  const keys = [
    ...(pairing.default === 'open' ? ['pairing.default'] : []),
    ...Object.keys(pairing.channels).flatMap((name) => (pairing.channels[name] === 'open' ? [`pairing.channels.${name}`] : []))
  ]
  if (keys.length === 0) return []
  const message = `${keys.join(', ')}: everyone who finds the channel can talk to the agent, as a guest`
  return [warn('pairing', message, "set it to 'required', and pair people with flynn-gateway pair <channel>")]
}
