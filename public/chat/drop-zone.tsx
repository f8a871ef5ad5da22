import type { ComponentChildren } from 'preact'
import { useRef, useState } from 'preact/hooks'
import { may } from '../app/gateway.ts'
import { useTray } from './use-tray.ts'

/** Place where files can be dropped into the message that is being written. */
export function DropZone({ sessionId, children }: { readonly sessionId: string; readonly children: ComponentChildren }) {
  const tray = useTray(sessionId)
  const [over, setOver] = useState(false)
  /** Elements below the pointer that were entered and not left. */
  const depth = useRef(0)
  const enter = (by: number) => (event: DragEvent) => {
    if (!hasFiles(event)) return
    event.preventDefault()
    depth.current = Math.max(0, depth.current + by)
    setOver(depth.current > 0)
  }
  const drop = (event: DragEvent): void => {
    if (!hasFiles(event)) return
    // Without it the browser leaves the page and shows the file.
    event.preventDefault()
    depth.current = 0
    setOver(false)
    if (!may('write') || !event.dataTransfer) return
    const items = [...event.dataTransfer.items].filter(({ kind }) => kind === 'file')
    const folders = items.flatMap((item) => {
      const entry = item.webkitGetAsEntry()
      return entry?.isDirectory ? [entry.name] : []
    })
    tray.add([...event.dataTransfer.files].filter(({ name }) => !folders.includes(name)))
    for (const name of folders) tray.refuse(name, 'It is a folder. Drop its files.')
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the keyboard has the button beside the input field
    <div
      class="chat-drop"
      onDragEnter={enter(1)}
      onDragLeave={enter(-1)}
      onDragOver={(event) => hasFiles(event) && event.preventDefault()}
      onDrop={drop}
    >
      {children}
      {over && (
        <p class="chat-drop-over" aria-hidden="true">
          {may('write') ? 'Drop the files to attach them' : 'This credential may not send messages'}
        </p>
      )}
    </div>
  )
}

function hasFiles({ dataTransfer }: DragEvent): boolean {
  return dataTransfer?.types.includes('Files') ?? false
}
