import { effect, signal } from '@preact/signals'
import { PLACE } from './browser.ts'

/** Colours of the pages: as the system has them, or always light or dark. Kept by this browser. */
export type Theme = 'system' | 'light' | 'dark'

const KEY = `${PLACE}theme`

function kept(): Theme {
  const theme = localStorage.getItem(KEY)
  return theme === 'light' || theme === 'dark' ? theme : 'system'
}

/** The chosen theme. */
export const theme = signal<Theme>(kept())

/** Chooses a theme, for the next visits too. */
export function chooseTheme(chosen: Theme): void {
  if (chosen === 'system') localStorage.removeItem(KEY)
  else localStorage.setItem(KEY, chosen)
  theme.value = chosen
}

/** Shows the chosen theme from now on. Called before the first drawing, so that nothing flashes. */
export function applyTheme(): void {
  effect(() => {
    document.documentElement.style.colorScheme = theme.value === 'system' ? '' : theme.value
  })
}
