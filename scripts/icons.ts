// Draws the icons of the installed pages from public/icon.svg, in a real browser: node scripts/icons.ts
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { launch } from '../test/browser.ts'

const ROOT = fileURLToPath(new URL('./', import.meta.resolve('#package.json')))
const STATIC = join(ROOT, 'public', 'app', 'static')
const DRAWING = `data:image/svg+xml;base64,${readFileSync(join(ROOT, 'public', 'icon.svg')).toString('base64')}`

/** Ground of icons that the system cuts into its own shape, and of those that must not be transparent. */
const GROUND = '#0f6b66'
/** `share`: part of the width for the drawing. A system may cut a fifth of a maskable icon away on all sides. */
const ICONS = [
  { name: 'icon-192.png', size: 192, share: 1, ground: 'transparent' },
  { name: 'icon-512.png', size: 512, share: 1, ground: 'transparent' },
  { name: 'maskable-192.png', size: 192, share: 0.8, ground: GROUND },
  { name: 'maskable-512.png', size: 512, share: 0.8, ground: GROUND },
  { name: 'apple-touch-icon.png', size: 180, share: 0.9, ground: GROUND }
] as const

const ends: (() => Promise<void>)[] = []
const page = await launch({ after: (end) => void ends.push(end as () => Promise<void>) })
for (const { name, size, share, ground } of ICONS) {
  await page.setViewportSize({ width: size, height: size })
  const width = Math.round(size * share)
  await page.setContent(
    `<body style="margin:0;display:grid;place-items:center;height:100vh;background:${ground}"><img src="${DRAWING}" width="${width}" height="${width}">`
  )
  await page.locator('img').evaluate((img) => (img as unknown as { decode(): Promise<void> }).decode())
  writeFileSync(join(STATIC, name), await page.screenshot({ omitBackground: true }))
}
for (const end of ends) await end()
