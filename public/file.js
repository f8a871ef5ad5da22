/**
 * A file in the events of `agent.send` or the history of `sessions.get`. The history has its size instead of its data.
 * @typedef {{ mimeType: string, data?: string, filename?: string, bytes?: number }} File
 */

import { element } from './element.js'

/** Image types that a browser shows without running code in them. */
const IMAGE = /^image\/(png|jpeg|gif|webp|avif|bmp|svg\+xml)$/

/**
 * Shows an image, and offers any other file for download as bytes without a type: an HTML file must not open on this origin.
 * @param {File} file
 */
export function fileElement({ mimeType, data, filename, bytes }) {
  if (data === undefined) return element('p', { className: 'file' }, `${filename ?? mimeType} (${size(bytes ?? 0)})`)
  if (IMAGE.test(mimeType))
    return element('img', { src: `data:${mimeType};base64,${data}`, alt: filename ?? 'Image from the agent' })
  const content = Uint8Array.from(atob(data), (character) => character.charCodeAt(0))
  const href = URL.createObjectURL(new Blob([content], { type: 'application/octet-stream' }))
  const name = filename ?? `file.${mimeType.split('/')[1]}`
  const link = element('a', { href, download: name }, `Download ${name}`)
  return element('p', { className: 'file' }, link, ` (${mimeType}, ${size(content.length)})`)
}

/** @param {number} bytes */
function size(bytes) {
  if (bytes < 1000) return `${bytes} bytes`
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`
}
