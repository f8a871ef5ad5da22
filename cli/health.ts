import { ConfigError } from '../plugins/config/parse/problems.ts'
import { EXIT, Failure } from './exit.ts'
import { say } from './output.ts'
import { askHealth } from './probe.ts'
import { findTarget, type TargetFlags } from './target.ts'

/** Checks that the gateway is alive, for the health check of the container, which knows 0 and 1 only. Sends no token. */
export async function health(flags: TargetFlags, env: NodeJS.ProcessEnv): Promise<number> {
  const { url } = await findTarget(flags, env).catch((error: unknown) => {
    if (error instanceof ConfigError) throw new Failure(EXIT.failed, error.message)
    throw error
  })
  try {
    const { status, body } = await askHealth({ url }, { anyCertificate: true })
    if (status === 200 && body?.status === 'ok') return EXIT.ok
    say(`flynn-gateway: ${url}/health answers ${status}; expected a gateway with 200`)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    say(`flynn-gateway: ${url}/health does not answer: ${code ?? message}`)
  }
  return EXIT.failed
}
