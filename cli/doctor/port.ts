import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Config } from '../../plugins/config/schema.ts'
import { askHealth } from '../probe.ts'
import { targetOf } from '../target.ts'
import { type Finding, fail, pass, reasonOf, warn } from './finding.ts'

/** Checks that the gateway runs, or else that it could listen. */
export async function checkPort(config: Config): Promise<Finding> {
  const { host, port } = config.server
  if (port === 0)
    return warn('port', 'server.port is 0: a different port at each start', 'set server.port, so that clients can find it')
  try {
    const target = await targetOf(config)
    const { status, body } = await askHealth(target)
    if (status === 200 && body?.status === 'ok')
      return pass('port', `a gateway${body.version ? ` ${body.version}` : ''} answers at ${target.url}`)
    if (status === 401 || status === 429) {
      return warn(
        'port',
        `the gateway at ${target.url} refuses this token (HTTP ${status})`,
        'restart it, or run this with its configuration'
      )
    }
  } catch {
    // No answer, or none in HTTP: listening shows if the port is free.
  }
  const server = createServer()
  try {
    server.listen({ host, port, exclusive: true })
    await once(server, 'listening')
    return pass('port', `${host}:${port} is free; no gateway runs there`)
  } catch (error) {
    const code = reasonOf(error)
    if (code === 'EADDRINUSE')
      return fail('port', `another program listens on ${host}:${port}`, 'stop it, or set another server.port')
    if (code === 'EACCES') return fail('port', `this user may not listen on port ${port}`, 'set a server.port from 1024 on')
    return fail('port', `cannot listen on ${host}:${port}: ${code}`, 'set server.host to an address of this machine')
  } finally {
    server.close()
  }
}
