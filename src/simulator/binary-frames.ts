import { pythonJson } from '../comfyui/wire/python-json.ts'

/** Where a frame of a preview belongs. */
export interface FrameOrigin {
  nodeId: string
  promptId: string
}

export type FrameImageType = 'image/jpeg' | 'image/png'

/** Type 1: an image without a hint where it belongs. */
export function previewFrame(imageType: FrameImageType, image: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(8 + image.length)
  frame.writeUInt32BE(1, 0)
  frame.writeUInt32BE(imageType === 'image/jpeg' ? 1 : 2, 4)
  image.copy(frame, 8)
  return frame
}

/** Type 3: a text that a node shows while it runs. */
export function textFrame(nodeId: string, text: string): Buffer {
  const id = Buffer.from(nodeId)
  const head = Buffer.allocUnsafe(8)
  head.writeUInt32BE(3, 0)
  head.writeUInt32BE(id.length, 4)
  return Buffer.concat([head, id, Buffer.from(text)])
}

/** Type 4: an image behind a JSON header that names node and prompt. */
export function previewFrameWithMetadata(origin: FrameOrigin, imageType: FrameImageType, image: Buffer): Buffer {
  const { nodeId, promptId } = origin
  const metadata = {
    node_id: nodeId,
    prompt_id: promptId,
    display_node_id: nodeId,
    parent_node_id: null,
    real_node_id: nodeId,
    image_type: imageType,
  }
  const header = Buffer.from(pythonJson(metadata))
  const head = Buffer.allocUnsafe(8)
  head.writeUInt32BE(4, 0)
  head.writeUInt32BE(header.length, 4)
  return Buffer.concat([head, header, image])
}
