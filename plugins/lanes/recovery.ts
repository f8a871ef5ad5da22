import type { Db, QueueEnd } from '../../db/client.ts'
import type { RecoveredMessage } from '../../lanes/driver.ts'
import { afterCrash, type Recovery } from '../../lanes/policy.ts'
import { RpcError } from '../../rpc/errors.ts'
import type { Payload } from './driver.ts'
import type { TurnHandler } from './turn-handler.ts'

/**
 * Decides about the messages that an earlier process left without an end. What waited waits again. What was running is interrupted, or
 * waits again where `recovery` allows it.
 * @returns the messages that wait again, in order, and the number of those that were ended
 */
export async function recoverMessages(
  found: readonly RecoveredMessage<Payload>[],
  { queue, handler, recovery }: { queue: Db['queue']; handler: TurnHandler; recovery: Recovery }
): Promise<{ waiting: readonly RecoveredMessage<Payload>[]; interrupted: number }> {
  const fates = Map.groupBy(found, (it) => afterCrash(it, recovery))
  const ended = async (fate: 'interrupted' | 'failed', reason: string): Promise<QueueEnd[]> => {
    const cut = fates.get(fate) ?? []
    if (cut.length === 0) return []
    for (const { laneId, message } of cut) {
      const { runId } = (await queue.get(message.id))!
      const bodies = await queue.bodies([message.id])
      await handler.cutOff(laneId, message, { id: runId ?? message.id, body: bodies.get(message.id) })
    }
    const error = new RpcError('InternalError', reason, { data: { retryable: false } })
    const { ends } = handler.record(
      cut.map(({ message }) => ({ message, error })),
      undefined
    )
    return ends.map((end) => ({ ...end, state: fate }))
  }
  const waiting = fates.get('queue') ?? []
  await queue.resolve({
    requeue: waiting.filter(({ state }) => state === 'running').map(({ message: { id } }) => id),
    ends: [
      ...(await ended('interrupted', 'The gateway ended while this was being answered')),
      ...(await ended('failed', 'The gateway ended each time this was being answered; it is not tried again'))
    ],
    now: Date.now()
  })
  return { waiting, interrupted: found.length - waiting.length }
}
