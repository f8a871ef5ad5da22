import type { ComponentChildren } from 'preact'
import { useId, useRef, useState } from 'preact/hooks'
import { Icon } from './icon.tsx'

export interface MenuItem {
  readonly title: string
  readonly act: () => void
}

/** A button that opens a list of actions. Arrow keys move in it, Escape closes it. */
export function Menu({
  label,
  items,
  children = <Icon path="M5 12h.01M12 12h.01M19 12h.01" />
}: {
  readonly label: string
  readonly items: readonly MenuItem[]
  readonly children?: ComponentChildren
}) {
  const id = useId()
  const list = useRef<HTMLDivElement>(null)
  const button = useRef<HTMLButtonElement>(null)
  const [open, setOpen] = useState(false)
  const toggled = (event: Pick<ToggleEvent, 'newState'>): void => {
    const shown = event.newState === 'open'
    setOpen(shown)
    const place = list.current
    if (!shown || !place || !button.current) return
    const at = button.current.getBoundingClientRect()
    const { offsetWidth: width, offsetHeight: height } = place
    const below = at.bottom + height < innerHeight || at.top < height
    place.style.left = `${Math.max(8, Math.min(at.right - width, innerWidth - width - 8))}px`
    place.style.top = `${Math.max(8, below ? at.bottom : at.top - height)}px`
    place.querySelector('button')?.focus()
  }
  const keys = (event: KeyboardEvent): void => {
    const entries = [...(list.current?.querySelectorAll('button') ?? [])]
    const at = entries.indexOf(document.activeElement as HTMLButtonElement)
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: entries.length - 1 }[event.key]
    if (next === undefined) return
    event.preventDefault()
    entries.at(next % entries.length)?.focus()
  }
  return (
    <>
      <button
        ref={button}
        type="button"
        class="menu-button"
        aria-label={label}
        aria-haspopup="menu"
        aria-expanded={open}
        popovertarget={id}
      >
        {children}
      </button>
      <div ref={list} id={id} popover="auto" role="menu" aria-label={label} class="menu" onToggle={toggled} onKeyDown={keys}>
        {items.map(({ title, act }) => (
          <button
            key={title}
            type="button"
            role="menuitem"
            tabIndex={-1}
            onClick={() => {
              list.current?.hidePopover()
              act()
            }}
          >
            {title}
          </button>
        ))}
      </div>
    </>
  )
}
