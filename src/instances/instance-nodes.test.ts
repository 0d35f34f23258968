import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { InstanceNodes } from './instance-nodes.ts'

type Told = Readonly<Record<string, unknown>>

const loader = (...files: string[]): Told => ({
  VAELoader: { input: { required: { vae_name: [files] } }, output: ['VAE'] },
})
const others: Told = { KSampler: { input: { required: { sampler_name: [['euler']] } }, output: ['LATENT'] } }

let server: {
  all: () => Promise<Told>
  one: (classType: string) => Promise<Told>
  replaced: () => Promise<readonly string[]>
  asked: string[]
  /** Called with every look. */
  watch: () => void
  keep: () => void
}
let nodes: InstanceNodes
let reads = 0
const intervalMs = 10_000

beforeEach(() => {
  vi.useFakeTimers()
  // The first look comes in the middle of an interval.
  vi.spyOn(Math, 'random').mockReturnValue(0.5)
  reads = 0
  server = {
    all: async () => ({ ...loader('a.safetensors'), ...others }),
    one: async () => loader('a.safetensors'),
    replaced: async () => [],
    asked: [],
    watch: () => undefined,
    keep: () => undefined,
  }
  nodes = new InstanceNodes({
    client: {
      objectInfo: () => {
        server.asked.push('all')
        return server.all()
      },
      objectInfoOf: (classType) => {
        server.asked.push(classType)
        return server.one(classType)
      },
      replacedClasses: () => server.replaced(),
      nodePacks: () => {
        server.asked.push('packs')
        return new Promise(() => {})
      },
    },
    version: () => '0.33.0',
    share: (catalogue) => {
      server.keep()
      return catalogue
    },
    watchedClasses: () => {
      server.watch()
      return ['VAELoader', 'KSampler', 'Custom']
    },
    intervalMs,
    onRead: () => {
      reads += 1
    },
  })
})
afterEach(() => {
  nodes.disconnect()
  vi.useRealTimers()
  vi.restoreAllMocks()
})

describe('the nodes of an instance', () => {
  test('stay known when a look at them goes wrong, and are looked at again', async () => {
    await nodes.connect()
    server.watch = () => {
      throw new Error('odd')
    }
    await vi.advanceTimersByTimeAsync(intervalMs)
    expect(nodes.failure).toContain('could not be read again: odd')
    server.watch = () => undefined
    server.one = async () => loader('a.safetensors', 'b.safetensors')
    server.keep = () => {
      throw new Error('odd')
    }
    await expect(nodes.refreshLists(['VAELoader'], 1000)).resolves.toBeUndefined()
    server.keep = () => undefined
    server.asked = []
    await vi.advanceTimersByTimeAsync(intervalMs)
    expect(server.asked).toEqual(['VAELoader'])
    expect(JSON.stringify(nodes.catalogue?.lookUp('VAELoader'))).toContain('b.safetensors')
    expect(nodes.failure).toBeUndefined()
  })

  test('include classes that the server replaces by others, of which nothing else is known', async () => {
    server.replaced = async () => ['Older', 'VAELoader']
    await nodes.connect()
    expect(nodes.catalogue?.lookUp('Older')).toMatchObject({ unreadable: true })
    expect(nodes.catalogue?.lookUp('VAELoader')).not.toHaveProperty('unreadable')
    server.replaced = () => Promise.reject(new Error('no such route'))
    await nodes.connect()
    expect(nodes.catalogue?.lookUp('Older')).toBeUndefined()
    expect(nodes.catalogue?.lookUp('VAELoader')).toBeDefined()
  })

  test('are read when it connects, and their lists of files are looked at from then on', async () => {
    expect([nodes.catalogue, nodes.isFirstRead]).toEqual([undefined, false])
    const connected = nodes.connect()
    expect(nodes.isFirstRead).toBe(true)
    await connected
    const before = nodes.catalogue
    expect([before?.source, before?.classTypes.length, nodes.isFirstRead, reads]).toEqual([
      'ComfyUI 0.33.0',
      2,
      false,
      1,
    ])
    await vi.advanceTimersByTimeAsync(2 * intervalMs)
    const [first, ...later] = server.asked
    expect([first, ...new Set(later)]).toEqual(['all', 'VAELoader'])
    expect([nodes.catalogue === before, reads]).toEqual([true, 1])
  })

  test('are another catalogue as soon as a file was added, in which the other classes stay as they are', async () => {
    await nodes.connect()
    const before = nodes.catalogue
    server.one = async () => loader('a.safetensors', 'b.safetensors')
    await vi.advanceTimersByTimeAsync(intervalMs)
    expect(reads).toBe(2)
    expect(nodes.catalogue?.fingerprint).not.toBe(before?.fingerprint)
    expect(nodes.catalogue?.lookUp('VAELoader')?.input.required?.['vae_name']).toEqual([
      ['a.safetensors', 'b.safetensors'],
    ])
    expect(nodes.catalogue?.lookUp('KSampler')).toBe(before?.lookUp('KSampler'))
  })

  test('are not asked for while it is away, and what it told stays', async () => {
    await nodes.connect()
    nodes.disconnect()
    await vi.advanceTimersByTimeAsync(5 * intervalMs)
    await nodes.refreshLists(['VAELoader'], 1000)
    await nodes.readAll()
    expect(server.asked).toEqual(['all'])
    expect(nodes.catalogue?.classTypes).toContain('VAELoader')
  })

  test('are asked for again when the first answer was none', async () => {
    server.all = () => Promise.reject(new Error('busy'))
    await nodes.connect()
    expect(nodes.catalogue).toBeUndefined()
    expect(nodes.failure).toContain('busy')
    server.all = async () => others
    await vi.advanceTimersByTimeAsync(intervalMs)
    expect(nodes.catalogue?.classTypes).toEqual(['KSampler'])
    expect(nodes.failure).toBeUndefined()
  })

  test('are all read again when somebody wants that, once for all who do', async () => {
    await nodes.connect()
    server.all = async () => ({ ...loader('b.safetensors'), ...others, Another: others['KSampler'] })
    await Promise.all([nodes.readAll(), nodes.readAll()])
    expect(nodes.catalogue?.classTypes).toEqual(['VAELoader', 'KSampler', 'Another'])
    expect([server.asked, reads]).toEqual([['all', 'all'], 2])
  })

  test('have packs that are asked for once, and not waited for for long', async () => {
    await nodes.connect()
    const looked = Promise.all([nodes.packs(), nodes.packs()])
    await vi.advanceTimersByTimeAsync(10_000)
    const [packOf] = await looked
    expect(packOf('Custom')).toBeUndefined()
    await nodes.packs()
    expect(server.asked.filter((asked) => asked === 'packs').length).toBe(1)
  })

  test('are those of the newest connection', async () => {
    let answerLate = (_told: Told) => {}
    server.all = () =>
      new Promise((resolve) => {
        answerLate = resolve
      })
    const first = nodes.connect()
    const late = answerLate
    server.all = async () => others
    await nodes.connect()
    late(loader('old.safetensors'))
    await first
    expect(nodes.catalogue?.classTypes).toEqual(['KSampler'])
  })
})

describe('lists that somebody wants anew', () => {
  test('are asked for once in a few seconds, however many want them', async () => {
    await nodes.connect()
    server.one = async () => loader('b.safetensors')
    await Promise.all([nodes.refreshLists(['VAELoader', 'VAELoader'], 1000), nodes.refreshLists(['VAELoader'], 1000)])
    expect(nodes.catalogue?.lookUp('VAELoader')?.input.required?.['vae_name']).toEqual([['b.safetensors']])
    await nodes.refreshLists(['VAELoader'], 1000)
    expect(server.asked.filter((asked) => asked === 'VAELoader').length).toBe(1)
    vi.setSystemTime(Date.now() + 60_000)
    await nodes.refreshLists(['VAELoader'], 1000)
    expect(server.asked.filter((asked) => asked === 'VAELoader').length).toBe(2)
  })

  test('of classes that it does not have are not asked for', async () => {
    await nodes.connect()
    await nodes.refreshLists(['Custom'], 1000)
    expect(server.asked).toEqual(['all'])
  })

  test('are waited for only so long, and taken when they come', async () => {
    await nodes.connect()
    let answer = (_told: Told) => {}
    server.one = () =>
      new Promise((resolve) => {
        answer = resolve
      })
    const refreshed = nodes.refreshLists(['VAELoader'], 1000)
    await vi.advanceTimersByTimeAsync(1000)
    await refreshed
    answer(loader('late.safetensors'))
    await vi.advanceTimersByTimeAsync(0)
    expect(nodes.catalogue?.lookUp('VAELoader')?.input.required?.['vae_name']).toEqual([['late.safetensors']])
  })

  test('that cannot be told stay as they were', async () => {
    await nodes.connect()
    const before = nodes.catalogue
    server.one = () => Promise.reject(new Error('busy'))
    await nodes.refreshLists(['VAELoader'], 1000)
    expect(nodes.catalogue).toBe(before)
  })
})
