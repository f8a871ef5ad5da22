import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import test from 'node:test'

const css = await readFile(new URL('../../public/style.css', import.meta.url), 'utf8')

/** The colours of `:root`, by name, in the order of the themes: light, dark. */
const themes = [...css.matchAll(/:root \{([^}]+)\}/g)].map(
  ([, block = '']) => new Map([...block.matchAll(/--([\w-]+): (#[\da-f]{6})/g)].map(([, name, colour]) => [name, colour]))
)

/** WCAG 2.2, relative luminance. */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (light + 0.05) / (dark + 0.05)
}

/** What is written on what. */
const TEXTS = {
  text: ['ground', 'surface', 'raised', 'tint', 'warning'],
  muted: ['ground', 'surface', 'raised'],
  accent: ['ground', 'surface', 'warning'],
  bad: ['ground', 'surface'],
  good: ['surface'],
  wait: ['ground', 'surface'],
  'on-accent': ['accent']
}
/** What must be seen without being read: edges of fields, the dot of the connection. */
const SHAPES = {
  edge: ['ground', 'surface'],
  good: ['surface'],
  wait: ['surface'],
  bad: ['surface'],
  accent: ['ground', 'surface']
}

for (const [index, name] of ['light', 'dark'].entries()) {
  test(`in the ${name} theme everything has the contrast of WCAG AA`, () => {
    const theme = themes[index]
    const check = (pairs: Record<string, string[]>, least: number) => {
      for (const [front, grounds] of Object.entries(pairs)) {
        for (const ground of grounds) {
          const ratio = contrast(theme?.get(front) ?? '', theme?.get(ground) ?? '')
          assert.ok(ratio >= least, `--${front} on --${ground}: ${ratio.toFixed(2)}`)
        }
      }
    }
    check(TEXTS, 4.5)
    check(SHAPES, 3)
  })
}
