import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { TOPICS, topicsOf } from '../../db/topics.ts'

test('topics are the words of a text, each once, without common ones', () => {
  assert.deepEqual(topicsOf('Please deploy Kubernetes to the KUBERNETES cluster, and check the kubernetes logs!'), [
    'deploy',
    'kubernetes',
    'cluster',
    'logs'
  ])
  assert.deepEqual(topicsOf('Hello, thank you, can you help me? Yes, I don’t know what I want.'), [])
  assert.deepEqual(topicsOf(''), [])
})

test('topics have words of every script, without common words of any language', () => {
  assert.deepEqual(topicsOf('Wie ist das Wetter in Zürich und warum nicht auch für Größe?'), ['wetter', 'zürich', 'größe'])
  assert.deepEqual(topicsOf("Quel est le prix de l'électricité dans les villes ?"), ['prix', 'électricité', 'villes'])
  assert.deepEqual(topicsOf('Какая погода в Москве?'), ['погода', 'москве'])
  assert.deepEqual(topicsOf('我们想要部署数据库'), ['部署', '数据'])
  assert.deepEqual(topicsOf('東京で会議がある'), ['東京', '会議'])
  assert.deepEqual(topicsOf('ﬁle Ｋｕｂｅ'), ['file', 'kube'])
  // One letter, written in two ways.
  assert.deepEqual(topicsOf('cafe\u0301 café'), ['café'])
})

test('numbers, addresses, keys and ids are no topics', () => {
  assert.deepEqual(topicsOf('42 1739700300 https://user:secret@intranet.example/path?token=hunter2 invoices'), ['invoices'])
  assert.deepEqual(topicsOf('0193f2aa77bc4c01 sk4f9a8b7c6d5e4f3a2b1c k8s ipv6'), ['k8s', 'ipv6'])
  assert.deepEqual(topicsOf(`${'x'.repeat(33)} ${'y'.repeat(32)}`), ['y'.repeat(32)])
})

test('only the beginning and a few words of a long text count', () => {
  const words = Array.from({ length: 5000 }, (_, n) => `topic${String.fromCharCode(97 + (n % 26))}${'qz'.repeat(1 + (n % 7))}`)
  assert.equal(topicsOf(words.join(' ')).length, TOPICS)
  assert.deepEqual(topicsOf(`${'the '.repeat(1100)}kubernetes`), [])
})

test('an apostrophe parts words of every script', () => {
  assert.deepEqual(topicsOf("的abc'defg"), ['abc', 'defg'])
})

test('topics of any text are few, short, distinct words', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 5000 }),
    fc.string({ unit: fc.constantFrom("'", 'a', '://', '的', 'ｱ', '\u0301', ' ', '.', 'ﷺ', '\ud800', '1'), maxLength: 5000 })
  )
  fc.assert(
    fc.property(text, (text) => {
      const topics = topicsOf(text)
      assert.ok(topics.length <= TOPICS)
      assert.equal(new Set(topics).size, topics.length)
      for (const topic of topics) {
        assert.ok(topic.length >= 2 && topic.length <= 32, topic)
        assert.match(topic, /^[\p{L}\p{M}\p{N}]+$/u)
      }
    })
  )
})
