import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { readableText } from '../../../plugins/tools/readable.ts'

test('a page becomes its text, with lines where the page has blocks', async () => {
  const page = `<!DOCTYPE html><html><head><title>The  title</title><style>p { color: red }</style></head>
    <body><!-- <p>hidden</p> --><h1>Heading</h1><p>One<br>two &amp; <b>three</b>&nbsp;four</p>
    <script>if (a < b) document.write("<p>no</p>")</script>
    <ul><li>first<li>second</ul><table><tr><td>a</td><td>b</td></tr></table></body></html>`
  assert.equal(
    await readableText(page),
    ['The title', '', 'Heading', '', 'One', 'two & three four', '', '- first', '- second', '', 'a b'].join('\n')
  )
})

test('links keep their target as it is written in the page', async () => {
  const html = `<a href="/docs">the docs</a>, <A class=x HREF='https://a.example/?b=1&amp;c=2'>more</A>, <a href=#top>up</a> <a>none</a>`
  assert.equal(await readableText(html), 'the docs (/docs), more (https://a.example/?b=1&c=2), up none')
})

test('a script that would run somewhere else is not a link', async () => {
  assert.equal(await readableText('<a href="javascript:alert(1)">x</a><a href=" JavaScript:alert(1)">y</a>'), 'xy')
})

test('text that only looks like a tag stays', async () => {
  assert.equal(await readableText('1 < 2 and 3 > 2 <3 &lt;b&gt;'), '1 < 2 and 3 > 2 <3 <b>')
})

test('an element that is never closed hides the rest, as in a browser', async () => {
  assert.equal(await readableText('shown <script>hidden'), 'shown')
  assert.equal(await readableText('shown <!-- hidden'), 'shown')
  assert.equal(await readableText('shown <p hidden'), 'shown')
})

test('entities become characters, and those that are none stay or vanish', async () => {
  assert.equal(await readableText('&#72;&#x69; &hellip; &unknown; &#0;&#x110000;&#xD7FF;'), 'Hi … &unknown; \ud7ff')
})

test('positions hold where lower case is longer than upper case', async () => {
  assert.equal(await readableText(`${'İ'.repeat(50)}<SCRIPT>hidden</SCRIPT>shown`), `${'İ'.repeat(50)}shown`)
})

test('a text is not longer than its page, except for links and list marks', async () => {
  const token = fc.constantFrom(
    '<',
    '>',
    '</',
    '<a href=x>',
    '</a>',
    '<!--',
    '-->',
    '<script>',
    '</script>',
    '<p>',
    '<li>',
    '&amp;',
    '&#65;',
    '"',
    "'",
    ' '
  )
  const page = fc
    .array(fc.oneof(token, fc.string({ unit: 'binary', maxLength: 8 })), { maxLength: 60 })
    .map((parts) => parts.join(''))
  await fc.assert(
    fc.asyncProperty(page, async (html) => {
      const text = await readableText(html)
      assert.equal(text, text.trim())
      assert.doesNotMatch(text, /\n\n\n/)
      assert.ok(text.length <= html.length + html.split('<').length * 2)
    }),
    { numRuns: 500 }
  )
})

test('a page made to keep a parser busy is read like any other', async () => {
  for (const token of [
    '<!--',
    '<script>',
    '<script',
    '<a href="',
    "<a href='",
    '<a href=x>',
    '</',
    '<',
    '&',
    '&#',
    '<p',
    ' href="',
    '<!--><title>'
  ]) {
    assert.ok((await readableText(token.repeat(150_000))).length <= token.length * 150_000 * 4)
  }
})

test('other work has its turn while a hostile page is read', async () => {
  const million = 1024 * 1024
  for (const token of ['<', '<p>', '&lt;', '<script></script>']) {
    let turns = 0
    let reading = true
    const page = readableText(token.repeat(million / token.length)).finally(() => {
      reading = false
    })
    while (reading) {
      await new Promise((resolve) => setImmediate(resolve))
      turns++
    }
    await page
    assert.ok(turns > 3, `${token}: ${turns}`)
  }
})

test('entities and spaces at the border of two pieces stay whole', async () => {
  for (let shift = 0; shift < 12; shift++) {
    const before = 'x'.repeat(64 * 1024 - 12 + shift)
    assert.ok((await readableText(`${before}&hellip; \n \n \n y`)) === `${before}…\n\ny`, `shift ${shift}`)
  }
})
