import { spawnSync } from 'node:child_process'
import { replaceAddresses } from './documented-config.ts'
import { startProxy, type Proxy } from './proxy-process.ts'

export function hasCaddy(): boolean {
  return spawnSync('caddy', ['version']).error === undefined
}

/** Runs Caddy as the document says, but for the addresses and the certificate. */
export function startCaddy({ config, gatewayPort }: { config: string; gatewayPort: number }): Promise<Proxy> {
  return startProxy({
    name: 'caddy',
    config: ({ port }) =>
      '{\n    admin off\n}\n' +
      replaceAddresses(config, {
        'api.example.com {': `http://:${port} {\n    bind 127.0.0.1`,
        '127.0.0.1:3000': `127.0.0.1:${gatewayPort}`,
      }),
    arguments: ({ configFile }) => ['run', '--adapter', 'caddyfile', '--config', configFile],
  })
}
