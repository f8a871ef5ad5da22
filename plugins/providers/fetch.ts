import { loadOnce } from './load.ts'

/**
 * `fetch` for model calls, with its own connections. It does not follow redirects: the key would go along to wherever
 * they lead. And it waits as long as it must: a local model may read a long conversation for minutes before its first
 * byte, where Node's own `fetch` gives up after five; how long a turn may take is decided elsewhere.
 */
export function patientFetch(): PatientFetch {
  let close = async (): Promise<void> => {}
  const load = loadOnce(async () => {
    const { Agent, fetch } = await import('undici')
    const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 })
    close = () => dispatcher.destroy()
    // The same interface as Node's, declared anew by the package.
    return (input: unknown, init: object | undefined) =>
      fetch(input as string, { ...init, redirect: 'error', dispatcher }) as Promise<unknown>
  })
  return { fetch: async (input, init) => (await (await load())(input, init)) as Response, close: () => close() }
}

export interface PatientFetch {
  readonly fetch: typeof fetch
  /** Ends its connections, those kept alive for the next call too. */
  close(): Promise<void>
}
