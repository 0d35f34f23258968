import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { replaceAddresses } from './documented-config.ts'
import { startProxy, type Proxy } from './proxy-process.ts'

/** @throws when there is none, saying how to get one */
export function requireNginx(): void {
  if (spawnSync('nginx', ['-v']).error === undefined) return
  throw new Error('No nginx is on the PATH. Install one, such as: apt-get install nginx-light')
}

/** Runs nginx as the document says, but for what only its readers have: the addresses, and the certificate. */
export function startNginx({ config, gatewayPort }: { config: string; gatewayPort: number }): Promise<Proxy> {
  return startProxy({
    name: 'nginx',
    config: (place) => wholeConfig(config, { ...place, gatewayPort }),
    arguments: ({ folder, configFile }) => ['-p', folder, '-e', 'stderr', '-c', configFile],
  })
}

function wholeConfig(
  config: string,
  { folder, gatewayPort, port }: { folder: string; gatewayPort: number; port: number },
): string {
  const server = replaceAddresses(config.replace(/^ *ssl_certificate.*\n/gm, ''), {
    'server 127.0.0.1:3000;': `server 127.0.0.1:${gatewayPort};`,
    'listen 443 ssl;': `listen 127.0.0.1:${port};`,
  })
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${path.join(folder, name)};`,
  )
  return [
    'daemon off;',
    'worker_processes 1;',
    `pid ${path.join(folder, 'nginx.pid')};`,
    'events { worker_connections 512; }',
    'http {',
    'access_log off;',
    ...folders,
    server,
    '}',
  ].join('\n')
}
