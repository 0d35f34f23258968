import { randomUUID } from 'node:crypto'
import type { NodeOutput } from '../../comfyui/wire/messages.ts'
import type { Prompt } from '../../comfyui/wire/prompt.ts'
import type { FollowHooks } from '../prompt-follower.ts'
import type { Verdict } from '../verdict.ts'

/** Classes that send what they make over the WebSocket, as previews are sent, in place of saving it. */
const sendingClasses: ReadonlySet<string> = new Set(['SaveImageWebsocket', 'ETN_SendImageWebSocket'])
/**
 * They do not run again for the same inputs, and then send nothing, or tell of what is not held any more. ComfyUI counts
 * inputs that a class does not know to the same.
 */
const cachedClasses: ReadonlySet<string> = new Set(['ETN_SendImageWebSocket', 'ETN_SaveImageCache'])
const runInput = 'comfyui_api_run'

/** Together, of one run: all of it is held in memory until the run has ended. */
const maxHeldBytes = 128 * 1024 * 1024

/** The images of one run of a prompt that come over the WebSocket and nowhere else. */
export interface SocketImages {
  /** The same hooks, which are not told what is no preview but an output. */
  watch(hooks: FollowHooks): FollowHooks
  /** Some are to come: a run that was not heard from its beginning to its end is of no use. */
  readonly areExpected: boolean
  /** Why not all of them are here; undefined when they are, or none were to come. */
  whyMissing(verdict: Extract<Verdict, { kind: 'success' }>): string | undefined
  /** There were more than can be held. */
  readonly areTooLarge: boolean
  /** The outputs with these images among them, in the order of the nodes. */
  amongOutputs(outputs: Readonly<Record<string, NodeOutput>>): Readonly<Record<string, NodeOutput>>
  /** The image at this position of those of the node. */
  get(nodeId: string, position: number): Buffer | undefined
}

interface SentImage {
  readonly bytes: Buffer
  readonly contentType: string
}

export function createSocketImages(prompt: Prompt): SocketImages {
  const senders = new Set(Object.keys(prompt).filter((id) => sendingClasses.has(prompt[id]?.class_type ?? '')))
  const sent = new Map<string, SentImage[]>()
  let heldBytes = 0
  let areTooLarge = false
  let running: string | undefined

  /** Whether it is one. Servers and nodes that do not say whose an image is send it while the node runs. */
  function keep(nodeId: string | undefined, image: SentImage): boolean {
    const sender = nodeId ?? running
    if (sender === undefined || !senders.has(sender)) return false
    heldBytes += image.bytes.length
    if (heldBytes > maxHeldBytes) {
      areTooLarge = true
      sent.clear()
      return true
    }
    const images = sent.get(sender) ?? []
    images.push(image)
    sent.set(sender, images)
    return true
  }

  return {
    watch(hooks) {
      if (senders.size === 0) return hooks
      return {
        ...hooks,
        executing(nodeId) {
          running = nodeId
          hooks.executing(nodeId)
        },
        preview(event) {
          if (!keep(event.nodeId, { bytes: event.image, contentType: event.contentType })) hooks.preview(event)
        },
      }
    },
    areExpected: senders.size > 0,
    whyMissing({ wasHeard, outputs }) {
      if (senders.size === 0 || areTooLarge) return undefined
      const [first = ''] = senders
      if (!wasHeard) return `Images of node ${first} are sent over a connection that broke, and nowhere else.`
      const short = [...senders].find((id) => (sent.get(id)?.length ?? 0) < announcedBy(outputs[id]))
      return short === undefined ? undefined : `Node ${short} sent fewer images than it told of.`
    },
    get areTooLarge() {
      return areTooLarge
    },
    amongOutputs(outputs) {
      const all = { ...outputs }
      for (const [id, images] of sent) {
        if (announcedBy(outputs[id]) > 0) continue
        const items = images.map(({ contentType }) => ({ source: 'websocket', 'content-type': contentType }))
        all[id] = { ...outputs[id], images: items }
      }
      for (const [id, output] of Object.entries(outputs)) {
        if (!senders.has(id) && announcedBy(output) > 0) all[id] = asUnheard(output)
      }
      return all
    },
    get: (nodeId, position) => sent.get(nodeId)?.[position]?.bytes,
  }
}

/** How many images a node says it sent; the node of ComfyUI itself says nothing. */
function announcedBy(output: NodeOutput | undefined): number {
  return Object.values(output ?? {})
    .flat()
    .filter(isAnnouncement).length
}

function isAnnouncement(item: unknown): item is object {
  return typeof item === 'object' && item !== null && 'source' in item && item.source === 'websocket'
}

/** What nodes of other classes sent was not listened for. */
function asUnheard(output: NodeOutput): NodeOutput {
  const withoutSource = (item: unknown): unknown => (isAnnouncement(item) ? { ...item, source: 'unheard' } : item)
  return Object.fromEntries(
    Object.entries(output).map(([key, items]) => [key, Array.isArray(items) ? items.map(withoutSource) : items]),
  )
}

/** The prompt for one run: what sends its images, or holds them for a while, does so again. */
export function withFreshSenders(prompt: Prompt): Prompt {
  if (!Object.values(prompt).some(({ class_type: classType }) => cachedClasses.has(classType))) return prompt
  return Object.fromEntries(
    Object.entries(prompt).map(([id, node]) =>
      cachedClasses.has(node.class_type)
        ? [id, { ...node, inputs: { ...node.inputs, [runInput]: randomUUID() } }]
        : [id, node],
    ),
  )
}
