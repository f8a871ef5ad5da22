import * as analytics from '../../plugins/analytics/schema.ts'
import * as audit from '../../plugins/audit/schema.ts'
import * as backends from '../../plugins/backends/schema.ts'
import * as bus from '../../plugins/bus/schema.ts'
import * as canvas from '../../plugins/canvas/schema.ts'
import * as config from '../../plugins/config/method-schemas.ts'
import * as docker from '../../plugins/docker/schema.ts'
import * as node from '../../plugins/nodes/schema.ts'
import * as observability from '../../plugins/observability/schema.ts'
import * as pairing from '../../plugins/pairing/schema.ts'
import * as presence from '../../plugins/presence/schema.ts'
import * as system from '../../plugins/system/schema.ts'
import * as tool from '../../plugins/tools/schema.ts'
import * as agent from '../schemas/agent.ts'
import * as confirmation from '../schemas/confirmation.ts'
import * as context from '../schemas/context.ts'
import * as error from '../schemas/failure.ts'
import * as machine from '../schemas/machine.ts'
import * as queue from '../schemas/queue.ts'
import * as session from '../schemas/session.ts'

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
