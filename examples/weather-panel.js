// A page of the dashboard, added by third-party-plugin.ts. The page's policy allows no HTML from text, so it makes elements.

/** @param {string} name @param {object} properties @param {...(Node | string)} children */
function make(name, properties, ...children) {
  const element = Object.assign(document.createElement(name), properties)
  element.append(...children)
  return element
}

export default {
  /**
   * Draws the panel. `client` is the page's connection to the gateway, with the scopes of the person who looks at it.
   * @returns the function that ends it
   */
  mount(element, { client, may }) {
    const city = make('input', { name: 'city', required: true, maxLength: 100 })
    const answer = make('p', { role: 'status' })
    const form = make('form', { className: 'card' }, make('label', {}, 'City ', city), make('button', {}, 'Ask'), answer)
    form.addEventListener('submit', async (event) => {
      event.preventDefault()
      try {
        const { sky, asked } = await client.call('weather.today', { city: city.value })
        answer.textContent = `${sky} in ${city.value}, asked ${asked} times`
      } catch (error) {
        answer.textContent = error.message
      }
    })
    element.append(may('read') ? form : 'This credential may not ask.')
    return () => form.remove()
  }
}
