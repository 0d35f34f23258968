import { expect, test } from 'vitest'
import { nameRequirements } from './name-requirements.ts'

const graph = () =>
  Promise.resolve({
    '1': { class_type: 'FaceDetailer', inputs: {} },
    '2': { class_type: 'VAELoader', inputs: { vae_name: 'sdxl_vae.safetensors' } },
    '3': { class_type: 'Other', inputs: { model_name: 'bare.pt' } },
  })
const metadata = {
  requiredNodes: [{ pack: 'comfyui-impact-pack', url: 'https://example.com/pack', classTypes: ['FaceDetailer'] }],
  requiredModels: [
    { name: 'sdxl_vae.safetensors', directory: 'vae', url: 'https://example.com/vae' },
    { name: 'bare.pt' },
  ],
}
const missing = (id: string) => ({
  code: 'missing_node_type',
  message: 'It is not there.',
  node: { id, classType: '' },
})
const notListed = (id: string, input: string) => ({
  code: 'value_not_in_list',
  message: 'Value not in list',
  node: { id, classType: 'X', input },
})

test('says which pack has a class that is missing, and which class it is', async () => {
  expect(await nameRequirements({ errors: [missing('1')], metadata, graph })).toEqual([
    {
      code: 'missing_node_type',
      message: 'It is not there. FaceDetailer is in the node pack comfyui-impact-pack: https://example.com/pack',
      node: { id: '1', classType: 'FaceDetailer' },
    },
  ])
})

test('names only the class where the module says nothing of a pack', async () => {
  const named = [{ ...missing('3'), node: { id: '3', classType: 'Other' } }]
  expect(await nameRequirements({ errors: [missing('3')], metadata, graph })).toEqual(named)
  expect(await nameRequirements({ errors: [missing('3')], metadata: undefined, graph })).toEqual(named)
})

test('says where a model that is missing belongs and where it is to be had', async () => {
  const errors = [notListed('2', 'vae_name'), notListed('3', 'model_name'), notListed('2', 'other')]
  const messages = (await nameRequirements({ errors, metadata, graph })).map(({ message }) => message)
  expect(messages).toEqual([
    'Value not in list. sdxl_vae.safetensors belongs into models/vae and can be had at https://example.com/vae',
    'Value not in list. bare.pt is needed',
    'Value not in list',
  ])
})

test('leaves other errors, those of no node, and all where there is no graph', async () => {
  const other = { code: 'value_smaller_than_min', message: 'too small', node: { id: '2', classType: 'X', input: 'a' } }
  const ofNone = { code: 'missing_node_type', message: 'somewhere' }
  const failing = () => Promise.reject(new Error('no graph'))
  expect(await nameRequirements({ errors: [other], metadata, graph: failing })).toEqual([other])
  expect(await nameRequirements({ errors: [missing('1')], metadata, graph: failing })).toEqual([missing('1')])
  expect(await nameRequirements({ errors: [ofNone, missing('9')], metadata, graph })).toEqual([ofNone, missing('9')])
})
