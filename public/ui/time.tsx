import { useEffect, useState } from 'preact/hooks'
import { ago } from './format.ts'

const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' })

/** A time as its distance from now; the exact time is in its title. */
export function Time({ at }: { readonly at: number | null | undefined }) {
  const [now, setNow] = useState(Date.now())
  useEffect(() => {
    const timer = setInterval(() => document.hidden || setNow(Date.now()), 10_000)
    return () => clearInterval(timer)
  }, [])
  if (at === null || at === undefined) return <span class="muted">–</span>
  return (
    <time dateTime={new Date(at).toISOString()} title={absolute.format(at)}>
      {ago(at, Math.max(now, Date.now() - 10_000))}
    </time>
  )
}
