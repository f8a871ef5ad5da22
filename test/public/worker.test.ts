import assert from 'node:assert/strict'
import test from 'node:test'
import { AccountStore } from '../../public/app/account-store.ts'
import { outdated, sourceOf } from '../../public/worker/shell.ts'
import { memoryStore } from '../../rpc/client/index.ts'

const SCOPE = 'https://flynn.example.com/agent/'
const FILES = ['./', 'icon-192.png', 'assets/main-1.js']

test('the service worker answers for the shell and for nothing else', () => {
  const source = (path: string, mode = 'cors', method = 'GET') =>
    sourceOf({ method, mode, url: new URL(path, SCOPE).href }, SCOPE, FILES)
  for (const path of ['./', './?source=pwa', 'index.html', './#/chat/web:1']) assert.equal(source(path, 'navigate'), 'page', path)
  for (const path of ['assets/main-1.js', 'assets/of-an-older-build-0.js', 'icon-192.png'])
    assert.equal(source(path), 'file', path)
  const others = ['./', 'api/health', 'rpc/sessions.list', 'attachments/a', 'canvas/s/a', '../other/assets/a.js', 'icon-512.png']
  for (const path of others) assert.equal(source(path), undefined, path)
  for (const path of ['attachments/a', 'openapi.json']) assert.equal(source(path, 'navigate'), undefined, path)
  assert.equal(source('assets/main-1.js', 'cors', 'POST'), undefined)
  assert.equal(sourceOf({ method: 'GET', mode: 'cors', url: 'https://example.org/agent/assets/a.js' }, SCOPE, FILES), undefined)
})

test('a new build keeps the one before it, and the caches of others', () => {
  const caches = ['flynn:/agent/:one', 'flynn:/:one', 'flynn:/agent/:two', 'other', 'flynn:/agent/:three']
  assert.deepEqual(outdated(caches, SCOPE, 'flynn:/agent/:three'), ['flynn:/agent/:one'])
  assert.deepEqual(outdated(caches, SCOPE, 'flynn:/agent/:one'), ['flynn:/agent/:two'])
  assert.deepEqual(outdated(['flynn:/agent/:one'], SCOPE, 'flynn:/agent/:one'), [])
})

test('the store of an account takes over what was written before it was known', async () => {
  const accounts = new Map([
    ['token:alice', memoryStore()],
    ['token:bob', memoryStore()]
  ])
  const store = new AccountStore((account) => accounts.get(account)!)
  await accounts.get('token:bob')!.set('flynn:draft:old', 'kept')
  await store.set('flynn:draft:new', 'early')
  await store.set('flynn:draft:old', 'changed')
  await store.delete('flynn:draft:old')
  assert.deepEqual(await store.keys('flynn:'), ['flynn:draft:new'])
  store.use('token:bob')
  store.use('token:alice')
  assert.deepEqual([await store.get('flynn:draft:new'), await store.get('flynn:draft:old')], ['early', undefined])
  assert.deepEqual(await accounts.get('token:alice')!.keys(''), [])
})
