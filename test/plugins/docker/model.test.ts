import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { modelOf } from '../../../plugins/docker/model.ts'

const of = (services: object, name?: string) => modelOf({ ...(name ? { name } : {}), services }, 'flynn', 'My Folder')

test('ids and names are what the file says, else made of the service; the gateway itself is left out', () => {
  const { services, project } = of(
    {
      flynn: { image: 'flynn' },
      'whisper-server': { image: 'whisper' },
      'brave-search': { image: 'brave', container_name: 'brave' },
      searxng: {},
      a: { image: 'a', labels: { 'flynn.id': 'alpha', 'flynn.name': 'The Alpha' } },
      b: { image: 'b', labels: ['other=1', 'flynn.id=beta'] },
      c: { image: 'c', 'x-flynn': { id: 'gamma', name: 'The Gamma' } }
    },
    'flynn'
  )
  assert.equal(project, 'flynn')
  assert.deepEqual(
    services.map(({ id, name, service, containerName }) => [id, name, service, containerName]),
    [
      ['whisper', 'Whisper (whisper.cpp)', 'whisper-server', 'flynn-whisper-server-1'],
      ['brave-search', 'Brave Search', 'brave-search', 'brave'],
      ['searxng', 'SearXNG', 'searxng', 'flynn-searxng-1'],
      ['alpha', 'The Alpha', 'a', 'flynn-a-1'],
      ['beta', 'Beta', 'b', 'flynn-b-1'],
      ['gamma', 'The Gamma', 'c', 'flynn-c-1']
    ]
  )
})

test('an id is never given twice, and none that is the name of another service', () => {
  const { services } = of({
    'a-server': {},
    a: {},
    one: { labels: { 'flynn.id': 'same' } },
    two: { labels: { 'flynn.id': 'same' } },
    three: { labels: { 'flynn.id': 'no id; at all' } }
  })
  assert.deepEqual(
    services.map(({ id }) => id),
    ['a-server', 'a', 'same', 'two', 'three']
  )
})

test('whatever the services ask for, ids are unique and fit for a table', () => {
  const name = fc.constantFrom('a', 'a-server', 'b', 'b-server', 'constructor', '__proto__', 'x y', '-server', '--help')
  const service = fc.record({ labels: fc.dictionary(fc.constant('flynn.id'), name) })
  fc.assert(
    fc.property(fc.array(fc.tuple(name, service)), (entries) => {
      const { services } = of(Object.fromEntries(entries))
      const ids = services.map(({ id }) => id)
      assert.equal(new Set(ids).size, ids.length)
      for (const { id, service } of services) assert.match(`${id}${service}`, /^[\w.-]+$/)
    })
  )
})

test('a project is called after its folder where the file does not say, as compose does it', () => {
  assert.equal(of({ a: {} }).project, 'myfolder')
  assert.equal(modelOf({ services: { a: {} } }, 'flynn', '__Über.Data-1').project, 'berdata-1')
})

test('a document without services is an error, one with none of them is an empty list', () => {
  assert.deepEqual(of({}).services, [])
  for (const document of [undefined, null, 'text', [], {}, { services: null }, { services: [] }]) {
    assert.throws(() => modelOf(document, 'flynn', 'x'), /no services/)
  }
})
