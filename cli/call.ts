import { text } from 'node:stream/consumers'
import { EXIT, UsageError } from './exit.ts'
import { interruptible } from './interrupt.ts'
import { print } from './output.ts'
import { type Frame, GatewaySocket } from './socket.ts'
import { findTarget, type TargetFlags } from './target.ts'

/** Calls one method and prints its result as JSON; with `events`, them and the result as one JSON object a line. */
export async function call(
  method: string,
  written: string | undefined,
  flags: TargetFlags & { readonly events?: true },
  env: NodeJS.ProcessEnv
): Promise<number> {
  const params = paramsOf(written === '-' ? await text(process.stdin) : (written ?? '{}'))
  const gateway = await GatewaySocket.open(await findTarget(flags, env))
  const show = flags.events ? printFrame : () => {}
  const answered = gateway.call(method, params, show).then((result) => {
    print(flags.events ? JSON.stringify({ result }) : JSON.stringify(result, null, 2))
    return EXIT.ok
  })
  try {
    return await interruptible(answered, () => gateway.close())
  } finally {
    gateway.close()
  }
}

/** An event without the id of the request, which nobody has seen. */
export function printFrame({ id, ...event }: Frame): void {
  print(JSON.stringify(event))
}

function paramsOf(written: string): object {
  const fault = 'the params must be a JSON object, such as \'{"sessionId":"cli:me"}\''
  let params: unknown
  try {
    params = JSON.parse(written)
  } catch {
    throw new UsageError(fault)
  }
  if (typeof params !== 'object' || params === null || Array.isArray(params)) throw new UsageError(fault)
  return params
}
