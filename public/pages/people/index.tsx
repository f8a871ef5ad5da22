import { may } from '../../app/gateway.ts'
import type { PageProps } from '../../app/pages.ts'
import { Connections } from './connections.tsx'
import { LetIn, Requests } from './letting-in.tsx'
import { Logins } from './logins.tsx'
import { Pairing } from './pairing.tsx'
import { Presence } from './presence.tsx'

/** The people of the gateway: who may talk to the agent, who does, and who is logged in. */
export default function People(_props: PageProps) {
  const operate = may('operate')
  return (
    <>
      {operate && <Pairing />}
      {operate && <Requests />}
      {operate && <LetIn />}
      <Presence />
      <Logins />
      {operate && <Connections />}
    </>
  )
}
