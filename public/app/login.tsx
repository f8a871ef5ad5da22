import { useState } from 'preact/hooks'
import { access, client } from './gateway.ts'

/** The gateway's error code for a missing credential. Any other refusal concerns the credential that was given. */
const AUTH_REQUIRED = -4

/** Asks for the token of the gateway. */
export function Login({ code, message }: { readonly code: number; readonly message: string }) {
  const [problem, setProblem] = useState<string>()
  const [busy, setBusy] = useState(false)
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault()
    const form = new FormData(event.currentTarget as HTMLFormElement)
    setBusy(true)
    const { refused, retry } = await access.logIn(String(form.get('token')).trim(), form.get('remember') !== null)
    setBusy(false)
    setProblem(refused?.message ?? retry?.reason)
    if (!refused && !retry) client.connect()
  }
  return (
    <form class="card login" onSubmit={submit}>
      <h1>This gateway asks for its token</h1>
      <p>
        It is the value of <code>server.token</code> in the gateway's configuration, or one of <code>server.tokens</code>.
      </p>
      <label for="token">Token</label>
      <input
        id="token"
        name="token"
        type="password"
        autocomplete="current-password"
        autocapitalize="off"
        spellcheck={false}
        required
      />
      <label class="check">
        <input name="remember" type="checkbox" /> Remember on this device for 30 days
      </label>
      <p role="alert" class="bad">
        {problem ?? (code === AUTH_REQUIRED ? '' : message)}
      </p>
      <button class="primary" type="submit" disabled={busy}>
        Connect
      </button>
    </form>
  )
}
