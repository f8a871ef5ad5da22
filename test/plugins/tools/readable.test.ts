import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { readableText } from '../../../plugins/tools/readable.ts'

test('a page becomes its text, with lines where the page has blocks', () => {
  const page = `<!DOCTYPE html><html><head><title>The  title</title><style>p { color: red }</style></head>
    <body><!-- <p>hidden</p> --><h1>Heading</h1><p>One<br>two &amp; <b>three</b>&nbsp;four</p>
    <script>if (a < b) document.write("<p>no</p>")</script>
    <ul><li>first<li>second</ul><table><tr><td>a</td><td>b</td></tr></table></body></html>`
  assert.equal(
    readableText(page),
    ['The title', '', 'Heading', '', 'One', 'two & three four', '', '- first', '- second', '', 'a b'].join('\n')
  )
})

test('links keep their target as it is written in the page', () => {
  const html = `<a href="/docs">the docs</a>, <A class=x HREF='https://a.example/?b=1&amp;c=2'>more</A>, <a href=#top>up</a> <a>none</a>`
  assert.equal(readableText(html), 'the docs (/docs), more (https://a.example/?b=1&c=2), up none')
})

test('a script that would run somewhere else is not a link', () => {
  assert.equal(readableText('<a href="javascript:alert(1)">x</a><a href=" JavaScript:alert(1)">y</a>'), 'xy')
})

test('what only looks like a tag stays', () => {
  assert.equal(readableText('1 < 2 and 3 > 2 <3 &lt;b&gt;'), '1 < 2 and 3 > 2 <3 <b>')
})

test('what is never closed hides the rest, as in a browser', () => {
  assert.equal(readableText('shown <script>hidden'), 'shown')
  assert.equal(readableText('shown <!-- hidden'), 'shown')
  assert.equal(readableText('shown <p hidden'), 'shown')
})

test('entities become characters, and those that are none stay or vanish', () => {
  assert.equal(readableText('&#72;&#x69; &hellip; &unknown; &#0;&#x110000;&#xD7FF;'), 'Hi … &unknown; \ud7ff')
})

test('positions hold where lower case is longer than upper case', () => {
  assert.equal(readableText(`${'İ'.repeat(50)}<SCRIPT>hidden</SCRIPT>shown`), `${'İ'.repeat(50)}shown`)
})

test('any page becomes a text that is not longer than the page, but for its links and list marks', () => {
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
  fc.assert(
    fc.property(page, (html) => {
      const text = readableText(html)
      assert.equal(text, text.trim())
      assert.doesNotMatch(text, /\n\n\n/)
      assert.ok(text.length <= html.length + html.split('<').length * 2)
    }),
    { numRuns: 500 }
  )
})

test('a page made to keep a parser busy is read like any other', () => {
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
    assert.ok(readableText(token.repeat(150_000)).length <= token.length * 150_000 * 4)
  }
})
