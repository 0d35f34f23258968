import { NodeFailure, numberInput, textInput, type NodeImplementation } from './node-run.ts'

export const testNodes: Readonly<Record<string, NodeImplementation>> = {
  async TestSleep(run) {
    const ticks = numberInput(run, 'ticks', 1)
    const tickMs = (numberInput(run, 'seconds') * 1000) / ticks
    for (let tick = 1; tick <= ticks; tick += 1) {
      await run.sleep(tickMs)
      await run.progress(tick, ticks)
    }
    return { outputs: [run.inputs['image']] }
  },
  TestFail(run) {
    const message = textInput(run, 'message')
    switch (textInput(run, 'kind')) {
      case 'oom':
        throw new NodeFailure('torch.OutOfMemoryError', message)
      case 'key':
        throw new NodeFailure('KeyError', `'${message}'`)
      default:
        throw new NodeFailure('ValueError', message)
    }
  },
  TestText: (run) => ({ outputs: [], ui: { text: [textInput(run, 'text')], number: [Number.NaN] } }),
}
