import type { PageProps } from '../../app/pages.ts'
import { SessionList } from './list.tsx'

/** All conversations, one of them, or one of its runs. */
export default function Sessions({ rest: [_sessionId] }: PageProps) {
  return <SessionList />
}
