import { useRef } from 'preact/hooks'
import { Icon } from '../ui/icon.tsx'

/** Buttons that choose files, and on a phone take a photograph. */
export function FileButtons({ onFiles }: { readonly onFiles: (files: File[]) => void }) {
  const picker = useRef<HTMLInputElement>(null)
  const camera = useRef<HTMLInputElement>(null)
  const chosen = (event: Event): void => {
    const input = event.currentTarget as HTMLInputElement
    onFiles([...(input.files ?? [])])
    // The same file can be chosen again.
    input.value = ''
  }
  return (
    <>
      <input ref={picker} class="chat-picker" type="file" multiple hidden onChange={chosen} aria-label="Files" />
      <input
        ref={camera}
        class="chat-camera-input"
        type="file"
        accept="image/*"
        capture="environment"
        hidden
        onChange={chosen}
        aria-label="Photograph"
      />
      <button type="button" class="chat-icon-button" aria-label="Attach files" onClick={() => picker.current?.click()}>
        <Icon path="M20 11l-8 8a5 5 0 0 1-7-7l9-9a3.500 3.500 0 0 1 5 5l-9 9a1.500 1.500 0 0 1-2-2l8-8" />
      </button>
      <button
        type="button"
        class="chat-icon-button chat-camera"
        aria-label="Take a photograph"
        onClick={() => camera.current?.click()}
      >
        <Icon path="M4 8h4l2-3h4l2 3h4v11H4zM12 10a3.500 3.500 0 1 0 0 7a3.500 3.500 0 1 0 0-7z" />
      </button>
    </>
  )
}
