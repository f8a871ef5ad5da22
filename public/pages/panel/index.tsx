import { useEffect, useRef, useState } from 'preact/hooks'
import { base, client, may } from '../../app/gateway.ts'
import type { PageProps } from '../../app/pages.ts'
import { type Panel, panels } from '../../app/panels.ts'
import { Failure } from '../../ui/failure.tsx'
import { revealed } from '../../ui/format.ts'
import { toast } from '../../ui/toast.tsx'

/** Module of a panel. docs/dashboard.md describes it. */
interface PanelModule {
  readonly default: {
    mount(element: HTMLElement, gateway: { client: typeof client; may: typeof may; base: URL }): undefined | (() => void)
  }
}

/** A page of a plugin: its module is loaded from the gateway and draws into an element. */
export default function PanelPage({ rest: [id = ''] }: PageProps) {
  const all = panels.value
  const panel = all?.find((one) => one.id === id)
  if (panel) return <Mounted key={panel.id} panel={panel} />
  return <p class="muted">{all ? `There is no panel ${revealed(id)} here, or this credential may not see it.` : 'Loading …'}</p>
}

function Mounted({ panel: { title, module } }: { readonly panel: Panel }) {
  const place = useRef<HTMLDivElement>(null)
  const [error, setError] = useState<Error>()
  useEffect(() => {
    const element = place.current!
    let unmount: (() => void) | undefined
    let gone = false
    const load = async (): Promise<void> => {
      const { default: panel } = (await import(/* @vite-ignore */ new URL(module, base).href)) as PanelModule
      if (!gone) unmount = panel.mount(element, { client, may, base })
    }
    load().catch((error: Error) => gone || setError(error))
    return () => {
      gone = true
      try {
        unmount?.()
      } catch (error) {
        toast(`${title}: ${(error as Error).message}`, { bad: true })
      }
    }
  }, [])
  return (
    <>
      {error && <Failure error={new Error(`The panel ${revealed(title)} cannot be shown: ${error.message}`)} />}
      <div ref={place} class="form" />
    </>
  )
}
