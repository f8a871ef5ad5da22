/** Colours of the pages: as the system has them, or always light or dark. Kept by this browser. */
export type Theme = 'system' | 'light' | 'dark'

/** Two gateways on one host, under different prefixes, share the storage. */
const KEY = `flynn:${location.pathname}:theme`

/** The chosen theme. */
export function theme(): Theme {
  const kept = localStorage.getItem(KEY)
  return kept === 'light' || kept === 'dark' ? kept : 'system'
}

/** Chooses a theme, for the next visits too. */
export function setTheme(chosen: Theme): void {
  if (chosen === 'system') localStorage.removeItem(KEY)
  else localStorage.setItem(KEY, chosen)
  applyTheme()
}

/** Shows the chosen theme. Called before the first drawing, so that nothing flashes. */
export function applyTheme(): void {
  const chosen = theme()
  document.documentElement.style.colorScheme = chosen === 'system' ? '' : chosen
}
