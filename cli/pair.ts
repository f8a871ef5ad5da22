import { EXIT } from './exit.ts'
import { print, say } from './output.ts'
import { GatewaySocket } from './socket.ts'
import { findTarget, type TargetFlags } from './target.ts'

/** Makes a pairing code: alone on stdout, until when it is good on stderr. */
export async function pair(
  channel: string,
  flags: TargetFlags & { readonly json?: true },
  env: NodeJS.ProcessEnv
): Promise<number> {
  const gateway = await GatewaySocket.open(await findTarget(flags, env))
  try {
    const made = (await gateway.call('pairing.generate', { channel })) as { code: string; expiresAt: string }
    print(flags.json ? JSON.stringify(made) : made.code)
    if (!flags.json)
      say(`Lets one sender on ${channel} in, until ${made.expiresAt} (${new Date(made.expiresAt).toLocaleTimeString()} here).`)
    return EXIT.ok
  } finally {
    gateway.close()
  }
}
