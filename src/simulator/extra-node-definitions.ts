import type { NodeDefinition } from '../comfyui/wire/object-info.ts'

const common = {
  description: '',
  python_module: 'custom_nodes.testnodes',
  category: 'test',
}

/** Classes that ComfyUI ships among its custom nodes, so that the table of core nodes lacks them. */
export const shippedNodeDefinitions: Readonly<Record<string, NodeDefinition>> = {
  SaveImageWebsocket: {
    input: { required: { images: ['IMAGE'] } },
    input_order: { required: ['images'] },
    output: [],
    output_is_list: [],
    output_name: [],
    name: 'SaveImageWebsocket',
    display_name: 'SaveImageWebsocket',
    description: '',
    python_module: 'custom_nodes.websocket_image_save',
    category: 'api/image',
    output_node: true,
  },
}

/** Classes for tests: a slow one, one that fails, one that shows a text and a number that is no JSON. */
export const testNodeDefinitions: Readonly<Record<string, NodeDefinition>> = {
  TestSleep: {
    input: {
      required: {
        image: ['IMAGE'],
        seconds: ['FLOAT', { default: 1, min: 0, max: 600, step: 0.1 }],
        ticks: ['INT', { default: 10, min: 1, max: 1000 }],
      },
      optional: { nonce: ['INT', { default: 0, min: 0, max: 2 ** 64 }] },
    },
    input_order: { required: ['image', 'seconds', 'ticks'], optional: ['nonce'] },
    output: ['IMAGE'],
    output_is_list: [false],
    output_name: ['IMAGE'],
    name: 'TestSleep',
    display_name: 'Sleep',
    ...common,
    output_node: false,
  },
  TestFail: {
    input: {
      required: {
        image: ['IMAGE'],
        message: ['STRING', { default: 'boom' }],
        kind: [['value', 'oom', 'key']],
      },
    },
    input_order: { required: ['image', 'message', 'kind'] },
    output: ['IMAGE'],
    output_is_list: [false],
    output_name: ['IMAGE'],
    name: 'TestFail',
    display_name: 'TestFail',
    ...common,
    output_node: false,
  },
  TestText: {
    input: { required: { text: ['STRING', { multiline: true, default: 'x' }] } },
    input_order: { required: ['text'] },
    output: [],
    output_is_list: [],
    output_name: [],
    name: 'TestText',
    display_name: 'TestText',
    ...common,
    output_node: true,
  },
}
