import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import test from 'node:test'
import { parseCpuList } from './pinning.ts'
import {
  clientUtilization,
  createCpuMeter,
  processTree,
  readClient,
  readMachine,
} from './sensors.ts'

const noSchedstat = existsSync('/proc/self/task')
  ? false
  : 'no /proc/PID/task here: CPU is asked of the servers themselves'

test(
  'the meter counts what a process burns, and no less than before',
  { skip: noSchedstat },
  () => {
    const meter = createCpuMeter(process.pid)
    const before = meter()
    let sum = 0
    for (let index = 0; index < 3e7; index++) sum += index % 7
    const after = meter()
    assert.ok(before !== null && after !== null && sum > 0)
    assert.ok(after.cpuUs > before.cpuUs)
    assert.ok((after.runQueueUs ?? -1) >= (before.runQueueUs ?? 0))
  },
)

test(
  'the meter counts children too, and does not forget those that ended',
  { skip: noSchedstat },
  () => {
    const meter = createCpuMeter(process.pid)
    const child = spawn(process.execPath, ['-e', 'for (let i = 0, s = 0; ; i++) s += i % 7'])
    try {
      const [own] = processTree(process.pid)
      assert.equal(own, process.pid)
      assert.ok(processTree(process.pid).includes(child.pid ?? 0))
      const ownCpuUs = () => {
        const { user, system } = process.cpuUsage()
        return user + system
      }
      const [before, ownBefore] = [meter(), ownCpuUs()]
      // Until it has burnt more than this process did meanwhile: a count, whatever the speed.
      let [after, ownAfter] = [meter(), ownCpuUs()]
      const endMs = Date.now() + 20_000
      while ((after?.cpuUs ?? 0) - (before?.cpuUs ?? 0) < 1.2 * (ownAfter - ownBefore) + 1_000) {
        assert.ok(Date.now() < endMs, 'the child shows nowhere')
        ;[after, ownAfter] = [meter(), ownCpuUs()]
      }
    } finally {
      child.kill('SIGKILL')
    }
  },
)

test('a process that is gone reads as null, never as zero', () => {
  assert.equal(createCpuMeter(2 ** 30)(), null)
})

test('the machine’s busy time grows, steal never shrinks', { skip: noSchedstat }, () => {
  const before = readMachine()
  const after = readMachine()
  assert.ok((after.busyUs ?? -1) >= (before.busyUs ?? 0))
  assert.ok((after.stealUs ?? -1) >= (before.stealUs ?? 0))
})

test('client utilization is a share', () => {
  const before = readClient()
  const utilization = clientUtilization(before, readClient())
  assert.ok(utilization >= 0 && utilization <= 1)
})

test('kernel CPU lists', () => {
  assert.deepEqual(parseCpuList('0-1\n'), [0, 1])
  assert.deepEqual(parseCpuList('0,2-4,7'), [0, 2, 3, 4, 7])
  assert.deepEqual(parseCpuList(''), [])
  assert.deepEqual(parseCpuList('x-2'), [])
})
