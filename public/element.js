/**
 * Creates an element with its content. Text stays text: output of people, models and tools is never parsed as HTML.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Partial<HTMLElementTagNameMap[K]>} [properties]
 * @param {(Node | string)[]} content
 * @returns {HTMLElementTagNameMap[K]}
 */
export function element(tag, properties = {}, ...content) {
  const made = Object.assign(document.createElement(tag), properties)
  made.append(...content)
  return made
}
