import type { Caller } from '../../rpc/define.ts'
import { invalidParams } from '../../rpc/errors.ts'
import type { GatewayInstance } from '../define.ts'
import type { Attachment } from '../providers/define.ts'
import { isDropNote } from './run.ts'

/** The end of the conversation in which the question is looked for. */
const MESSAGES = 200
const BYTES = 16 * 1024 * 1024

/**
 * Question of a run of the caller, to ask it again. Only the caller's own: the text of another sender must not act with the caller's rights.
 * @throws RpcError InvalidRequest when there is none
 */
export async function questionOf(
  { db }: Pick<GatewayInstance, 'db'>,
  caller: Caller,
  sessionId: string,
  runId: string | undefined
): Promise<{ message: string; attachments: Attachment[] }> {
  const { messages } = await db.messages.recent(sessionId, { limit: MESSAGES, bytes: BYTES })
  const asked = messages.filter(({ role, content }) => role === 'user' && !isDropNote(content))
  const wanted = runId ?? asked.at(-1)?.runId
  const questions = asked.filter((message) => message.runId === wanted)
  const run = wanted === undefined ? undefined : await db.runs.get(wanted)
  if (questions.length === 0 || run?.principal !== caller.id) {
    throw invalidParams([{ path: 'params.runId', message: 'must be a run of your own message, in the current conversation' }])
  }
  return {
    message: questions.map(({ content }) => content).join('\n\n'),
    attachments: questions.flatMap(({ attachments }) => attachments)
  }
}
