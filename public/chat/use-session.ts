import { useEffect, useMemo, useState } from 'preact/hooks'
import { SessionModel, type SessionSnapshot } from '../../rpc/client/model/index.ts'
import { client } from '../app/gateway.ts'

/** The model of a session, followed for as long as the component is on the page, and its state. */
export function useSession(sessionId: string): { readonly model: SessionModel; readonly snapshot: SessionSnapshot } {
  const model = useMemo(() => new SessionModel(client, sessionId), [sessionId])
  const [, draw] = useState<SessionSnapshot>()
  useEffect(() => {
    const changed = (): void => draw(model.getSnapshot())
    const leave = model.subscribe(changed)
    changed()
    return leave
  }, [model])
  return { model, snapshot: model.getSnapshot() }
}
