import {
  faultDefinition,
  faultNames,
  faultSyntax,
  moments,
  type FaultName,
} from '../../src/simulator/faults/fault-table.ts'

/** docs/simulator.md, with the table of faults. */
export function renderSimulator(): string {
  return [
    '<!-- Generated from src/simulator/faults/fault-table.ts by `npm run docs:generate`. -->',
    '# The simulator, and how your client takes trouble',
    'The simulator answers as ComfyUI does and draws its pictures itself. It can also go wrong on order, in the ways ' +
      'in which real servers do. So you can watch what a client does when a socket goes deaf or a server restarts in ' +
      'the middle of a job: your own client of this gateway, or one that talks to ComfyUI directly.',
    '## Behind the gateway',
    '```sh\ncomfyui-api serve --demo --fault crash-every=20 --fault view=half,chance=0.1\n```',
    'starts the gateway with a simulator behind it that crashes at every 20th job and breaks every tenth file. The ' +
      'gateway is there to keep such trouble from its callers; what still reaches them is an error with a stable code. ' +
      '`GET /instances` shows how the instance looks meanwhile. After a crash the simulator of a demo starts again by ' +
      'itself, two seconds later. `COMFYUI_API_DEMO_FAULTS` takes the same faults, separated by blanks. A fault that ' +
      'does not exist stops the start.',
    'Faults can be changed while it runs. The simulator listens on a loopback port of its own, which `GET /instances` ' +
      'and the log line `simulator ready` tell:',
    [
      '```sh',
      'curl $SIMULATOR/simulator/faults                                                    # what is armed, what there is, how often each struck',
      'curl $SIMULATOR/simulator/faults -d \'{"faults": ["ws-deaf=now", "oom,times=1"]}\'  # beside those that are armed',
      'curl -X DELETE $SIMULATOR/simulator/faults/oom                                      # one of them',
      'curl -X DELETE $SIMULATOR/simulator/faults                                          # all',
      '```',
    ].join('\n'),
    'The route exists only there: not on the port of the gateway, and not for web pages, whose requests carry an `Origin`. ' +
      'While connections are refused it cannot be reached either.',
    '## In front of a client of ComfyUI',
    'In a checkout of this repository the simulator also runs alone, as 0.33.0, 0.3.64 or 0.3.40:',
    '```sh\nnode scripts/simulator.ts --port 8188 --version 0.3.64 --fault prompt-drop,every=3 --control-routes\n```',
    'The first two versions behave as recordings of real servers do. 0.3.40 is 0.3.64 without what came between, as the ' +
      'history of ComfyUI tells it: it makes its own prompt ids whatever it is sent, runs all outputs, interrupts whatever runs, and has ' +
      'neither `/features` nor `progress_state` nor `/api/jobs`; its node classes are those of 0.3.64. ' +
      '`--revive-after-ms` starts a crashed simulator again.',
    'In tests of this repository:',
    [
      '```ts',
      "const simulator = await createSimulator({ faults: ['restart=progress,ms=200,times=1'], faultSeed: 'any text' })",
      "simulator.faults.set('ws-close=after-end,at=3')",
      "simulator.faults.fired('ws-close')",
      'simulator.faults.clear()',
      '```',
    ].join('\n'),
    '## How a fault is written',
    '`name[=choice][,every=N][,at=N][,times=N][,chance=P][,ms=N]`. What has a time and no choices takes the time, in ' +
      'milliseconds, behind its name: `slow-history=500`. `crash-every=20` is short for `crash,every=20`.',
    [
      '| | |',
      '| --- | --- |',
      '| `every=N` | only every N-th occasion |',
      '| `at=N` | only the N-th occasion |',
      '| `times=N` | at most N times |',
      '| `chance=P` | with probability P; the same seed gives the same faults |',
    ].join('\n'),
    'Without any of them a fault strikes at every occasion. What an occasion is, the table says; they are counted from ' +
      'when the fault is set. A fault that is set again, with the same choice, starts anew.',
    '## Faults',
    'The first choice is meant when there is none.',
    ['| Fault | What happens | Occasions |', '| --- | --- | --- |', ...faultNames.map(row)].join('\n'),
    '## Moments',
    'In the order in which they come:',
    [
      '| Moment | When |',
      '| --- | --- |',
      ...Object.entries(moments).map(([name, when]) => `| \`${name}\` | ${when} |`),
    ].join('\n'),
    '',
  ].join('\n\n')
}

function row(name: FaultName): string {
  const { description, counts, choices, ms } = faultDefinition(name)
  const isAtMoments = choices?.includes('now') === true
  const written = isAtMoments ? `${name}[=MOMENT]${ms === undefined ? '' : '[,ms=N]'}` : faultSyntax(name)
  const first = isAtMoments ? ` First choice: \`${choices[0] ?? ''}\`.` : ''
  const time =
    ms === undefined ? '' : ` Time: ${ms.means}${ms.default === undefined ? '' : ` (${ms.default} ms unless said)`}.`
  return `| \`${written.replaceAll('|', '\\|')}\` | ${description}${first}${time} | ${counts} |`
}
