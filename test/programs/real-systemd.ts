import Fastify from 'fastify'
import gateway from '../../app.ts'

/** A gateway that is asked and told a few things about its backends, beside a real systemd; prints the answers. */
const host = Fastify()
await host.register(gateway, { config: { dataDir: process.argv[2]! } })
const call = async (method: string, payload: object = {}): Promise<unknown> => {
  const answer = (await host.inject({ method: 'POST', url: `/rpc/system.${method}`, payload })).json()
  return answer.result ?? answer
}
const control = (backend: string, action: string) => call('localBackendControl', { backend, action })
const answers = [
  await call('localBackends'),
  await control('ollama', 'start'),
  await call('localBackends'),
  await control('ollama', 'restart'),
  await control('ollama', 'stop'),
  await control('llamacpp', 'start'),
  await call('localBackends')
]
await host.close()
process.stdout.write(JSON.stringify(answers))
