/**
 * Keeps the end of a growing text in sight, unless the reader has scrolled back; then a button offers the way to it.
 * @param {HTMLElement} log the element that scrolls
 * @param {HTMLElement} text the element that grows
 * @param {HTMLElement} button
 * @returns {() => void} scrolls to the end
 */
export function keepEndInSight(log, text, button) {
  let following = true
  let lastTop = 0
  const toEnd = () => {
    log.scrollTop = log.scrollHeight
  }
  log.onscroll = () => {
    // Only scrolling back stops following: the end also moves away when text arrives between a frame and its scroll event.
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40
    following = atEnd || (following && log.scrollTop >= lastTop)
    lastTop = log.scrollTop
    button.hidden = following
  }
  const size = new ResizeObserver(() => {
    if (following) toEnd()
  })
  for (const box of [log, text]) size.observe(box)
  return toEnd
}
