/** Messages that a client of ComfyUI must survive, because node packs send the like. */
export const garbageMessages: readonly (string | Buffer)[] = [
  '{"type": "crystools.monitor", "data": {"cpu_utilization": 12.5, "gpus": [{"vram_used": NaN}]}}',
  '{"type": "cm-queue-status", "data": {"status": "in_progress", "total_count": 1, "done_count": 0}}',
  '{"type": "progress", "data": null}',
  '{"type": "executing"}',
  '{"data": {"node": "1"}}',
  '["status", 0]',
  '{"type": "status", "data": {"status":',
  'no JSON at all',
  '',
  Buffer.alloc(0),
  Buffer.from([0, 0]),
  Buffer.from([0, 0, 0, 99, 1, 2, 3, 4]),
  Buffer.from([0, 0, 0, 1, 0, 0, 0, 1]),
  Buffer.from([0, 0, 0, 4, 0, 0, 0xff, 0xff, 0x7b]),
  Buffer.concat([Buffer.from([0, 0, 0, 4, 0, 0, 0, 5]), Buffer.from('{"no')]),
  Buffer.from([0, 0, 0, 3, 0, 0, 1, 0, 0x31]),
]
