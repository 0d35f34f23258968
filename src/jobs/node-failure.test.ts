import { expect, test } from 'vitest'
import { jobErrorOfNodeFailure } from './node-failure.ts'

test('tells the node, its class and the exception of a failure', () => {
  const error = jobErrorOfNodeFailure({
    node_id: '3',
    node_type: 'KSampler',
    exception_type: 'ValueError',
    exception_message: 'boom in /opt/ComfyUI/nodes.py\n',
  })
  expect(error).toEqual({
    code: 'execution_error',
    message: 'Node 3 (KSampler) failed: boom in nodes.py',
    node: { id: '3', classType: 'KSampler', exceptionType: 'ValueError', message: 'boom in nodes.py' },
  })
})

test.each(['torch.OutOfMemoryError', 'torch.cuda.OutOfMemoryError'])('knows %s', (exception_type) => {
  expect(jobErrorOfNodeFailure({ exception_type, exception_message: 'Allocation on device' }).code).toBe(
    'out_of_memory',
  )
})
