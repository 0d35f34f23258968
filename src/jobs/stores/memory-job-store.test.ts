import { describeJobStore } from '../../../test/contract/job-store-contract.ts'
import { createMemoryJobStore } from './memory-job-store.ts'

describeJobStore('memory job store', () => ({
  open: (now = () => 0) => createMemoryJobStore({ now }),
  reopen: async (store) => store,
  dispose: async () => {},
}))
