import { text } from 'node:stream/consumers'
import { callMethod, openClient, type PrintedEvent } from './client.ts'
import { EXIT, UsageError } from './exit.ts'
import { interruptible } from './interrupt.ts'
import { print } from './output.ts'
import { findTarget, type TargetFlags } from './target.ts'

/** Calls one method and prints its result as JSON. With `events`, prints each event and the result as one JSON object a line. */
export async function call(
  method: string,
  written: string | undefined,
  flags: TargetFlags & { readonly events?: true },
  env: NodeJS.ProcessEnv
): Promise<number> {
  const params = paramsOf(written === '-' ? await text(process.stdin) : (written ?? '{}'))
  const client = await openClient(await findTarget(flags, env))
  const answered = callMethod(client, method, params, flags.events && printEvent).then((result) => {
    print(flags.events ? JSON.stringify({ result }) : JSON.stringify(result, null, 2))
    return EXIT.ok
  })
  try {
    return await interruptible(answered, () => void client.close())
  } finally {
    await client.close()
  }
}

/** Prints an event as one line of JSON. */
export function printEvent(event: PrintedEvent): void {
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
