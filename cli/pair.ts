import { callMethod, openClient } from './client.ts'
import { EXIT } from './exit.ts'
import { print, say } from './output.ts'
import { findTarget, type TargetFlags } from './target.ts'

/** Prints a new pairing code on stdout, and its end on stderr. */
export async function pair(
  channel: string,
  flags: TargetFlags & { readonly json?: true; readonly owner?: true },
  env: NodeJS.ProcessEnv
): Promise<number> {
  const client = await openClient(await findTarget(flags, env))
  try {
    const made = (await callMethod(client, 'pairing.generate', { channel, access: flags.owner ? 'owner' : 'guest' })) as {
      code: string
      expiresAt: string
    }
    print(flags.json ? JSON.stringify(made) : made.code)
    if (!flags.json)
      say(
        `Pairs one ${flags.owner ? 'owner' : 'guest'} on ${channel}, until ${made.expiresAt} (${new Date(made.expiresAt).toLocaleTimeString()} here).`
      )
    return EXIT.ok
  } finally {
    await client.close()
  }
}
