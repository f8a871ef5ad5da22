import { ConfigError } from '../plugins/config/parse/problems.ts'
import { EXIT, Failure } from './exit.ts'
import { say } from './output.ts'
import { askHealth } from './probe.ts'
import { findTarget, type TargetFlags } from './target.ts'

/**
 * Whether the gateway is alive: what the health check of the container runs, which knows 0 and 1 only. Tells nobody a token.
 */
export async function health(flags: TargetFlags, env: NodeJS.ProcessEnv): Promise<number> {
  const { url } = await findTarget(flags, env).catch((error: unknown) => {
    if (error instanceof ConfigError) throw new Failure(EXIT.failed, error.message)
    throw error
  })
  try {
    const { status, body } = await askHealth({ url }, { anyCertificate: true })
    if (status === 200 && body?.status === 'ok') return EXIT.ok
    say(`flynn-gateway: ${url}/health answers ${status}, and not as a gateway that is alive`)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    say(`flynn-gateway: ${url}/health does not answer: ${code ?? message}`)
  }
  return EXIT.failed
}
