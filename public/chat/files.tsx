import { useEffect, useRef, useState } from 'preact/hooks'
import type { TurnFile } from '../../rpc/client/model/turn.ts'
import { Dialog } from '../ui/dialog.tsx'
import { download } from '../ui/download.ts'
import { Icon } from '../ui/icon.tsx'
import { memo } from '../ui/memo.ts'
import { toast } from '../ui/toast.tsx'
import { inBytes } from './file-check.ts'
import { isImage, savedName, shownName } from './file-words.ts'
import type { TurnActions } from './turn-actions.ts'

interface FileProps {
  readonly file: TurnFile
  readonly actions: Pick<TurnActions, 'file'>
}

/** A file of a message or an answer: an image is shown, everything else can be saved. */
export const File = memo(function File(props: FileProps) {
  const { file } = props
  const here = file.data !== undefined || file.id !== undefined
  if (here && isImage(file)) return <Picture {...props} />
  return here ? <Save {...props} /> : <p class="chat-download">{`${shownName(file)} (${inBytes(file.bytes)})`}</p>
})

function Picture({ file, actions }: FileProps) {
  const place = useRef<HTMLButtonElement>(null)
  const seen = useSeen(place)
  const { url, failed } = useUrl(file, actions, seen)
  const [large, setLarge] = useState(false)
  const name = shownName(file)
  if (failed) return <Save file={file} actions={actions} />
  return (
    <figure class="chat-picture">
      <button type="button" ref={place} onClick={() => url && setLarge(true)} aria-label={`Show ${name} larger`}>
        {url ? <img src={url} alt={name} /> : <span class="muted">Loading {name}</span>}
      </button>
      <figcaption class="muted" dir="auto">
        {name} · {inBytes(file.bytes)}
      </figcaption>
      {large && (
        <Dialog title={name} onClose={() => setLarge(false)}>
          <img class="chat-large" src={url} alt={name} />
          <p class="actions">
            <Save file={file} actions={actions} />
            <button type="button" onClick={() => setLarge(false)}>
              Close
            </button>
          </p>
        </Dialog>
      )}
    </figure>
  )
}

/** Saves the bytes without their type: an HTML file must not open on this origin. */
function Save({ file, actions }: FileProps) {
  const [busy, setBusy] = useState(false)
  const save = async (): Promise<void> => {
    setBusy(true)
    try {
      download(savedName(file), 'application/octet-stream', await bytesOf(file, actions))
    } catch (error) {
      toast(`${shownName(file)} was not loaded: ${(error as Error).message}`, { bad: true })
    }
    setBusy(false)
  }
  return (
    <button type="button" class="chat-download" disabled={busy} onClick={() => void save()}>
      <Icon path="M12 4v11M7 11l5 5 5-5M5 20h14" />
      <span dir="auto">Download {shownName(file)}</span> <span class="muted">{inBytes(file.bytes)}</span>
    </button>
  )
}

/** An address of the bytes for as long as the element is on the page. */
function useUrl(
  file: TurnFile,
  actions: FileProps['actions'],
  wanted: boolean
): { readonly url?: string; readonly failed: boolean } {
  const [url, setUrl] = useState<string>()
  const [failed, setFailed] = useState(false)
  useEffect(() => {
    if (!wanted) return
    let made: string | undefined
    let gone = false
    bytesOf(file, actions).then(
      (bytes) => {
        if (gone) return
        made = URL.createObjectURL(new Blob([bytes], { type: file.mimeType }))
        setUrl(made)
      },
      () => !gone && setFailed(true)
    )
    return () => {
      gone = true
      if (made !== undefined) URL.revokeObjectURL(made)
    }
  }, [file, wanted])
  return { ...(url !== undefined && { url }), failed }
}

async function bytesOf({ data, id = '' }: TurnFile, actions: FileProps['actions']): Promise<Blob> {
  if (data === undefined) return actions.file(id)
  return new Blob([Uint8Array.from(atob(data), (character) => character.charCodeAt(0))])
}

/** The element was near the visible part of the page. */
function useSeen(place: { readonly current: Element | null }): boolean {
  const [seen, setSeen] = useState(false)
  useEffect(() => {
    if (!place.current) return
    const observer = new IntersectionObserver(
      (entries) => {
        if (!entries.some(({ isIntersecting }) => isIntersecting)) return
        setSeen(true)
        observer.disconnect()
      },
      { rootMargin: '400px' }
    )
    observer.observe(place.current)
    return () => observer.disconnect()
  }, [])
  return seen
}
