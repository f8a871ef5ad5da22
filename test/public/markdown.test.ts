import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { type MarkdownElement, type MarkdownNode, TAGS } from '../../public/chat/markdown.ts'
import { EMPTY, type MarkdownText, parseText } from '../../public/chat/markdown-text.ts'
import { decoded, readable, safeHref } from '../../public/chat/text-safety.ts'
import { HOSTILE } from './hostile.ts'

/** Blocks of a whole text. */
function blocks(source: string): readonly MarkdownElement[] {
  const { settled, tail } = parseText(source)
  return [...settled, ...tail]
}

/** Attributes that an element may have beside its tag and children. */
const ATTRIBUTES: Readonly<Record<string, readonly string[]>> = {
  a: ['href'],
  ol: ['start'],
  li: ['done'],
  th: ['align'],
  td: ['align'],
  pre: ['language']
}

function assertHarmless(node: MarkdownNode, inLink = false): void {
  if (typeof node === 'string') return
  const { tag, children, ...rest } = node
  assert.ok(TAGS.includes(tag), tag)
  for (const name of Object.keys(rest)) assert.ok(ATTRIBUTES[tag]?.includes(name), `${tag} ${name}`)
  if (tag === 'a') {
    assert.ok(!inLink, 'a link in a link')
    assert.match(node.href ?? '', /^(https?|mailto):/)
    assert.equal(new URL(node.href!).href, node.href)
  }
  for (const child of children) assertHarmless(child, inLink || tag === 'a')
}

/** All text of the elements. */
function textOf(node: MarkdownNode): string {
  return typeof node === 'string' ? node : node.children.map(textOf).join('')
}

const simple = (source: string) => blocks(source).map(plain)
const plain = (node: MarkdownNode): unknown =>
  typeof node === 'string' ? node : [node.tag, ...(node.href === undefined ? [] : [node.href]), ...node.children.map(plain)]

test('Markdown becomes elements', () => {
  assert.deepEqual(simple('# One\n### Two\n\ntext **b** _i_ ~~d~~ `c`\nnext'), [
    ['h3', 'One'],
    ['h4', 'Two'],
    ['p', 'text ', ['strong', 'b'], ' ', ['em', 'i'], ' ', ['del', 'd'], ' ', ['code', 'c'], ['br'], 'next']
  ])
  assert.deepEqual(simple('3. a\n4. b\n\n- [x] done\n- [ ] open'), [
    ['ol', ['li', 'a'], ['li', 'b']],
    ['ul', ['li', 'done'], ['li', 'open']]
  ])
  assert.deepEqual(blocks('- [x] a\n- b')[0]?.children, [
    { tag: 'li', children: ['a'], done: true },
    { tag: 'li', children: ['b'] }
  ])
  assert.deepEqual(simple('> q\n\n***\n\n| a | b |\n|--:|---|\n| 1<br>2 | **x** |'), [
    ['blockquote', ['p', 'q']],
    ['hr'],
    ['table', ['thead', ['tr', ['th', 'a'], ['th', 'b']]], ['tbody', ['tr', ['td', '1', ['br'], '2'], ['td', ['strong', 'x']]]]]
  ])
  assert.deepEqual(blocks('```ts title="x"\nlet a = 1\n```'), [{ tag: 'pre', children: ['let a = 1'], language: 'ts' }])
  assert.deepEqual(simple('a &amp; b &#x1F600; &unknown; &#0;'), [['p', 'a & b 😀 &unknown; \uFFFD']])
  assert.deepEqual(simple('https://example.com/a and [b](mailto:a@example.com) [r]\n\n[r]: https://example.org'), [
    [
      'p',
      ['a', 'https://example.com/a', 'https://example.com/a'],
      ' and ',
      ['a', 'mailto:a@example.com', 'b'],
      ' ',
      ['a', 'https://example.org/', 'r']
    ]
  ])
})

test('images are links and HTML is text', () => {
  assert.deepEqual(simple('![shot](https://example.com/a.png) ![](data:image/png;base64,AA==)'), [
    ['p', ['a', 'https://example.com/a.png', 'Image: shot'], ' ', '![](data:image/png;base64,AA==)']
  ])
  assert.deepEqual(simple('<img src=x onerror=alert(1)>'), [['div', '<img src=x onerror=alert(1)>']])
  assert.deepEqual(simple('a <b onclick=x>b</b>'), [['p', 'a ', '<b onclick=x>', 'b', '</b>']])
})

test('links of other schemes and relative ones are text', () => {
  for (const href of [
    'javascript:alert(1)',
    'java\nscript:alert(1)',
    'data:text/html,x',
    '../auth',
    '//evil',
    'blob:x',
    'vbscript:x'
  ]) {
    assert.equal(safeHref(href), undefined, href)
  }
  assert.equal(safeHref(' https://EXAMPLE.com/\u202E'), 'https://example.com/%E2%80%AE')
  assert.deepEqual(simple('[click](javascript:alert%281%29)'), [['p', '[click](javascript:alert%281%29)']])
})

test('hidden characters are spelled out, joiners and marks of scripts stay', () => {
  assert.equal(readable('a\u202Eb\u0000c\u001B[31m'), 'a⟨202e⟩b⟨0⟩c⟨1b⟩[31m')
  assert.equal(readable('👩\u200D💻 می\u200Cخواهم'), '👩\u200D💻 می\u200Cخواهم')
  assert.equal(textOf(blocks('`a\u200Bb`')[0]!), 'a⟨200b⟩b')
  assert.equal(textOf(blocks('&#x202E;a')[0]!), '⟨202e⟩a')
  assert.equal(decoded('&#xD800;&#1114112;'), '\uFFFD\uFFFD')
})

test('hostile texts become no other elements, and no text is lost', () => {
  for (const text of HOSTILE) for (const block of blocks(text)) assertHarmless(block)
  const piece = fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: 'binary', maxLength: 20 }))
  const glue = fc.constantFrom('', ' ', '\n', '\n\n', '\n> ', '\n- ', '\n|', '`', '](', '<', '\\')
  fc.assert(
    fc.property(fc.array(fc.tuple(piece, glue), { maxLength: 6 }), (pieces) => {
      for (const block of blocks(pieces.flat().join(''))) assertHarmless(block)
    }),
    { seed: 1, numRuns: 300 }
  )
})

test('deep nesting and long runs of marks end', () => {
  for (const mark of ['> ', '- ', '[', '*', '`', '<', '![', '_a', '(', '|', '\n    - ']) {
    const found = blocks(mark.repeat(5000))
    for (const block of found) assertHarmless(block)
  }
})

test('a text that grows has the blocks of the whole text, and settled blocks stay the same objects', () => {
  const words = fc.constantFrom(
    '# a',
    'b *c*',
    '- d',
    '  e',
    '1. f',
    '```',
    '| g | h |',
    '|---|---|',
    '> i',
    '',
    '',
    '[r]',
    '[r]: https://x.example',
    '\r',
    '    k',
    '---',
    '<div>',
    '</div>'
  )
  fc.assert(
    fc.property(
      fc.array(words, { maxLength: 25 }),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 20 }),
      (lines, steps) => {
        const source = lines.join('\n')
        let text: MarkdownText = EMPTY
        for (let at = 0, turn = 0; at < source.length; turn++) {
          const before = text
          at += steps[turn % steps.length]!
          text = parseText(source.slice(0, at), text, false)
          for (const [index, block] of before.settled.entries()) assert.equal(text.settled[index], block)
        }
        text = parseText(source, text, true)
        assert.deepEqual([...text.settled, ...text.tail], blocks(source))
      }
    ),
    { seed: 2, numRuns: 300 }
  )
})
