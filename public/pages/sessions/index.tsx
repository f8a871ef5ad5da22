import type { PageProps } from '../../app/pages.ts'
import { SessionList } from './list.tsx'
import { RunView } from './run.tsx'
import { SessionView } from './session.tsx'

/** All conversations, one of them, or one of its runs. */
export default function Sessions({ rest: [sessionId, runId] }: PageProps) {
  if (sessionId === undefined) return <SessionList />
  if (runId === undefined) return <SessionView key={sessionId} sessionId={sessionId} />
  return <RunView key={runId} sessionId={sessionId} runId={runId} />
}
