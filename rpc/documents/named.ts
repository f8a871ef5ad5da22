import * as agent from '../schemas/agent.ts'
import * as analytics from '../schemas/analytics.ts'
import * as audit from '../schemas/audit.ts'
import * as backends from '../schemas/backends.ts'
import * as bus from '../schemas/bus.ts'
import * as canvas from '../schemas/canvas.ts'
import * as config from '../schemas/config.ts'
import * as confirmation from '../schemas/confirmation.ts'
import * as context from '../schemas/context.ts'
import * as docker from '../schemas/docker.ts'
import * as error from '../schemas/error.ts'
import * as machine from '../schemas/machine.ts'
import * as node from '../schemas/node.ts'
import * as observability from '../schemas/observability.ts'
import * as pairing from '../schemas/pairing.ts'
import * as presence from '../schemas/presence.ts'
import * as queue from '../schemas/queue.ts'
import * as session from '../schemas/session.ts'
import * as system from '../schemas/system.ts'
import * as tool from '../schemas/tool.ts'

const FILES = {
  session,
  queue,
  agent,
  canvas,
  tool,
  node,
  pairing,
  presence,
  analytics,
  audit,
  bus,
  backends,
  config,
  confirmation,
  context,
  docker,
  machine,
  observability,
  system,
  error
}

/**
 * Everything `rpc/schemas/` exports, by its name: what documents call the schemas that they share. Of two with one name
 * the later one bears that of its file, too: `PresenceStatus`.
 */
export const NAMED: ReadonlyArray<readonly [string, unknown]> = named()

function named(): Array<readonly [string, unknown]> {
  const names = new Map<string, unknown>()
  for (const [file, exported] of Object.entries(FILES)) {
    for (const [name, value] of Object.entries(exported)) {
      names.set(names.has(name) ? `${file[0]!.toUpperCase()}${file.slice(1)}${name}` : name, value)
    }
  }
  return [...names]
}
