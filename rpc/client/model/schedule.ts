/** Runs a function soon, once. */
export type Schedule = (run: () => void) => void

/** Longest time without an update in a page that is not drawn, such as a hidden tab. */
const HIDDEN_MS = 250

/** Runs with the next frame of a page, and in a hidden page soon; elsewhere with the next microtask. */
export const nextFrame: Schedule = (run) => {
  const page = globalThis as { requestAnimationFrame?: (run: () => void) => void }
  if (!page.requestAnimationFrame) {
    queueMicrotask(run)
    return
  }
  let ran = false
  const once = (): void => {
    if (ran) return
    ran = true
    clearTimeout(timer)
    run()
  }
  const timer = setTimeout(once, HIDDEN_MS)
  page.requestAnimationFrame(once)
}
