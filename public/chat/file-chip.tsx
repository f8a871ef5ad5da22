import type { ComponentChildren } from 'preact'
import { revealed } from '../ui/format.ts'
import { inBytes } from './file-check.ts'

export interface FileChipProps {
  readonly name: string
  /** 0: unknown. */
  readonly bytes: number
  readonly preview?: string | undefined
  /** State and actions. */
  readonly children?: ComponentChildren
}

/** A file of a message: picture or sign, name and size. */
export function FileChip({ name, bytes, preview, children }: FileChipProps) {
  return (
    <li class="chat-file">
      {preview === undefined ? (
        <span class="chat-file-sign" aria-hidden="true">
          {extensionOf(name)}
        </span>
      ) : (
        <img class="chat-file-sign" src={preview} alt="" />
      )}
      <span class="chat-file-name" title={revealed(name)}>
        {revealed(name)}
      </span>
      {bytes > 0 && <span class="muted">{inBytes(bytes)}</span>}
      {children}
    </li>
  )
}

function extensionOf(name: string): string {
  return /\.([A-Za-z0-9]{1,4})$/.exec(name)?.[1]?.toUpperCase() ?? 'FILE'
}
