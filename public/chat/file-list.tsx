import type { SessionModel } from '../../rpc/client/model/index.ts'
import { Shape } from '../ui/chip.tsx'
import { revealed } from '../ui/format.ts'
import { FileChip } from './file-chip.tsx'
import { putIntoField } from './returned.ts'
import type { ChosenFile, Tray } from './tray.ts'

/** Files of the message that is being written, refusals, and content that was taken back. */
export function FileList({
  model,
  tray,
  connected
}: {
  readonly model: SessionModel
  readonly tray: Tray
  readonly connected: boolean
}) {
  return (
    <>
      {tray.offered.map((content, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: an entry is its content, which may be there twice
        <div key={at} class="chat-offered" role="status">
          <span class="chat-offered-text">Taken back: {revealed(content.text) || 'files without a text'}</span>
          <button type="button" onClick={() => [tray.dismiss(content), putIntoField(model, tray, content)]}>
            Put into the field
          </button>
          <button type="button" class="plain" onClick={() => tray.dismiss(content)}>
            Forget
          </button>
        </div>
      ))}
      {tray.refused.length > 0 && (
        <div class="chat-refused" role="alert">
          <ul>
            {tray.refused.map(({ name, reason }, at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: two files may have the same name
              <li key={at}>
                <Shape tone="bad" /> {revealed(name)}: {reason}
              </li>
            ))}
          </ul>
          <button type="button" class="plain" aria-label="Dismiss the refused files" onClick={() => tray.forgive()}>
            ×
          </button>
        </div>
      )}
      {tray.files.length > 0 && (
        <ul class="chat-files" aria-label="Files of this message">
          {tray.files.map((file) => (
            <FileChip key={file.key} name={file.name} bytes={file.bytes} preview={file.preview}>
              <FileState file={file} connected={connected} portable={tray.portable} />
              {file.state === 'failed' && file.here && (
                <button type="button" aria-label={`Upload ${file.name} again`} onClick={() => tray.retry(file.key)}>
                  Retry
                </button>
              )}
              <button type="button" class="plain" aria-label={`Remove ${file.name}`} onClick={() => tray.remove(file.key)}>
                ×
              </button>
            </FileChip>
          ))}
        </ul>
      )}
    </>
  )
}

interface FileStateProps {
  readonly file: ChosenFile
  readonly connected: boolean
  /** The file can wait with its message for a connection. */
  readonly portable: boolean
}

function FileState({ file: { name, state, progress, problem }, connected, portable }: FileStateProps) {
  if (state === 'ready') return <span class="unseen">uploaded</span>
  if (state === 'failed') return <span class="bad">{problem}</span>
  if (state === 'shrinking') return <span class="muted">Making it smaller …</span>
  if (!connected) return portable ? null : <span class="muted">Needs a connection: too large to wait in the message</span>
  return (
    <progress max={1} value={state === 'uploading' && progress > 0 ? progress : undefined} aria-label={`Upload of ${name}`} />
  )
}
