// A chat in React, with the hook of the client SDK. The draft, and what was not sent yet, survive a reload.
import { connect, webStore } from 'flynn-gateway/client'
import { useSession } from 'flynn-gateway/react'
import { createRoot } from 'react-dom/client'

const gateway = connect('/agent', { store: webStore() })

function Chat() {
  const { turns, waiting, draft, connection, session } = useSession(gateway, 'cli:example')
  const submit = (event: { preventDefault(): void }) => {
    event.preventDefault()
    session.send(draft)
    session.setDraft('')
  }
  return (
    <form onSubmit={submit}>
      {turns.map((turn) => (
        <p key={turn.key}>{turn.parts.map((part) => ('text' in part ? part.text : part.kind)).join('\n')}</p>
      ))}
      <input aria-label="Message" value={draft} onChange={(event) => session.setDraft(event.target.value)} />
      <output>{`${connection.name}, ${waiting.length} waiting`}</output>
    </form>
  )
}

createRoot(document.querySelector('main')!).render(<Chat />)
