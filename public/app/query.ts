import { useEffect, useRef, useState } from 'preact/hooks'
import type { GatewayMethods } from '../../rpc/client/index.ts'
import { client } from './gateway.ts'
import { type Kind, listen } from './live.ts'

type Method = keyof GatewayMethods & string

/** State of one question to the gateway. */
export interface Query<T> {
  /** The last answer; it stays while a newer one is asked for, and while the gateway is away. */
  readonly data: T | undefined
  /** When that answer came, in epoch milliseconds. */
  readonly at: number | undefined
  /** Why the newest request failed; undefined after one that succeeded. */
  readonly error: Error | undefined
  readonly loading: boolean
  refresh(): void
}

export interface QueryOptions {
  /** Events of the gateway after which the answer may have changed. */
  readonly kinds?: readonly Kind[]
  /** Milliseconds between requests, for what has no event. They pause in a hidden tab. */
  readonly every?: number
  /** False: nothing is asked for. Default true. */
  readonly when?: boolean
}

/** Events that come close together lead to one request. */
const GATHER_MS = 250

/** Asks the gateway, and again whenever the answer may have changed: after an event of `kinds`, after a reconnect, when the tab is looked at. */
export function useQuery<M extends Method>(
  method: M,
  params: GatewayMethods[M]['params'],
  { kinds = [], every, when = true }: QueryOptions = {}
): Query<GatewayMethods[M]['result']> {
  type Result = GatewayMethods[M]['result']
  const key = `${method} ${JSON.stringify(params)}`
  const [state, set] = useState<{ key: string; data?: Result; at?: number; error?: Error; loading: boolean }>({
    key,
    loading: when
  })
  const ask = useRef<() => void>(() => {})
  const kindsKey = kinds.join()

  useEffect(() => {
    if (!when) return
    let asked = 0
    let timer: ReturnType<typeof setTimeout> | undefined
    let missed = false
    const call = client.call.bind(client) as unknown as (method: string, params: unknown) => Promise<unknown>
    const now = () => {
      timer = undefined
      if (document.hidden) {
        missed = true
        return
      }
      missed = false
      const mine = ++asked
      set((last) => ({ ...(last.key === key ? last : {}), key, loading: true }))
      call(method, params).then(
        (data) => mine === asked && set({ key, data: data as Result, at: Date.now(), loading: false }),
        (error: Error) => mine === asked && set((last) => ({ ...last, error, loading: false }))
      )
    }
    const soon = () => {
      timer ??= setTimeout(now, GATHER_MS)
    }
    const shown = () => {
      if (!document.hidden && missed) now()
    }
    ask.current = now
    const ends = kinds.map((kind) => listen(kind, soon))
    // At once where there is a connection, and after each reconnect.
    const end = client.onConnected(now)
    const interval = every === undefined ? undefined : setInterval(now, every)
    document.addEventListener('visibilitychange', shown)
    return () => {
      asked = -1
      clearTimeout(timer)
      clearInterval(interval)
      document.removeEventListener('visibilitychange', shown)
      end()
      for (const one of ends) one()
    }
  }, [key, kindsKey, every, when])

  const { data, at, error, loading } = state.key === key ? state : { loading: when }
  return { data, at, error, loading, refresh: () => ask.current() }
}

/** Does something with the gateway: `busy` while it runs, `error` when it failed. */
export function useAction<A extends readonly unknown[]>(act: (...args: A) => Promise<unknown>) {
  const [state, set] = useState<{ busy: boolean; error?: Error }>({ busy: false })
  const run = async (...args: A): Promise<boolean> => {
    set({ busy: true })
    try {
      await act(...args)
      set({ busy: false })
      return true
    } catch (error) {
      set({ busy: false, error: error as Error })
      return false
    }
  }
  return { ...state, run }
}

/** A query that keeps the answer to the previous question until the new one is answered: a list does not blank while its filter is typed. */
export function useKept<T>(query: Query<T>): Query<T> {
  const last = useRef<T | undefined>(undefined)
  if (query.data !== undefined) last.current = query.data
  return { ...query, data: query.data ?? last.current }
}
