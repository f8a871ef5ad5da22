import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { parsePs, standingFor } from '../../../plugins/docker/containers.ts'

const ROW = {
  ID: 'c1',
  Name: 'flynn-web-1',
  Service: 'web',
  State: 'running',
  Health: '',
  ExitCode: 0,
  Command: '"sh -c \\"x\\""',
  Labels: 'a=b, c=d,com.docker.compose.oneoff=False',
  Status: 'Up 2 minutes'
}
const WEB = {
  id: 'c1',
  service: 'web',
  name: 'flynn-web-1',
  state: 'running',
  health: 'none',
  status: 'Up 2 minutes',
  exitCode: 0
}

test('both forms are read: an array, and an object a line', () => {
  assert.deepEqual(parsePs(JSON.stringify([ROW, ROW])), [WEB, WEB])
  assert.deepEqual(parsePs(`${JSON.stringify(ROW)}\n${JSON.stringify(ROW)}\n`), [WEB, WEB])
  assert.deepEqual([parsePs(''), parsePs('\n'), parsePs('[]\n'), parsePs('  [\n]')], [[], [], [], []])
})

test('whatever the containers, the two forms say the same', () => {
  const row = fc.record({ Name: fc.string(), Service: fc.string(), State: fc.string(), Health: fc.string(), Status: fc.string() })
  fc.assert(
    fc.property(fc.array(row), (rows) => {
      const lines = rows.map((one) => JSON.stringify(one)).join('\n')
      assert.deepEqual(parsePs(lines), parsePs(JSON.stringify(rows, undefined, 2)))
    })
  )
})

test('what `docker compose run` has left is not listed', () => {
  assert.deepEqual(parsePs(JSON.stringify({ ...ROW, Labels: 'a=b,com.docker.compose.oneoff=True,x=y' })), [])
})

test('health is one of four; where it is not said, the status may say it', () => {
  const health = (row: object) => parsePs(JSON.stringify({ ...ROW, ...row }))[0]!.health
  assert.deepEqual(
    [
      health({ Health: 'starting' }),
      health({ Health: 'odd' }),
      health({ Status: 'Up 1 second (health: starting)' }),
      health({ Status: 'Up 1 hour (unhealthy)' })
    ],
    ['starting', 'none', 'starting', 'unhealthy']
  )
})

test('what is neither form is an error', () => {
  for (const text of ['no such thing', '{"a":', '[1]', '"x"', '{} {}']) assert.throws(() => parsePs(text), text)
})

test('of several containers of one service the one that needs looking at stands for it', () => {
  const containers = parsePs(
    JSON.stringify([ROW, { ...ROW, ID: 'c2', State: 'exited' }, { ...ROW, Service: 'db', State: 'dead' }])
  )
  assert.equal(standingFor('web', containers)?.id, 'c2')
  assert.equal(standingFor('cache', containers), undefined)
})
