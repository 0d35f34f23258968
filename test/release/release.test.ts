import { execFileSync } from 'node:child_process'
import { hash } from 'node:crypto'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { changesOf } from '../../scripts/release/changelog.ts'
import { readReleaseState } from '../../scripts/release/find-obstacles.ts'
import { publishRelease } from '../../scripts/release/github.ts'
import { licenceTexts } from '../../scripts/release/licence-texts.ts'
import { packRelease } from '../../scripts/release/pack.ts'
import { readRequest } from '../../scripts/release/read-request.ts'
import { thirdPartyPackages } from '../../scripts/release/third-party-packages.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'release-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

describe('what is asked for', () => {
  test('without a flag nothing is made', () => {
    expect(readRequest([], { GITHUB_TOKEN: 'secret' })).toEqual({ kind: 'dry-run' })
    expect(readRequest(['--dry-run'], {})).toEqual({ kind: 'dry-run' })
  })

  test('to publish takes the flag, a token and a repository', () => {
    const args = ['--publish', '--repository', 'owner/name']
    expect(readRequest(args, { GITHUB_TOKEN: 't' })).toMatchObject({
      kind: 'publish',
      apiUrl: 'https://api.github.com',
    })
    expect(() => readRequest(args, {})).toThrow('GITHUB_TOKEN')
    expect(() => readRequest(['--publish'], { GITHUB_TOKEN: 't' })).toThrow('--repository')
    expect(() => readRequest(['--publish', '--repository', '../x'], { GITHUB_TOKEN: 't' })).toThrow('--repository')
  })

  test('two things at once are refused', () => {
    expect(() => readRequest(['--dry-run', '--publish'], { GITHUB_TOKEN: 't' })).toThrow('Only one of')
    expect(() => readRequest(['--upload'], {})).toThrow('--upload')
  })
})

describe('changes of a version', () => {
  const changelog =
    '# Changelog\n\n## Unreleased\n\n- x\n\n## [1.2.0] - 2026-11-21\n\n### Added\n\n- y\n\n## 1.1.0\n\n- z\n'

  test.each([
    ['1.2.0', '### Added\n\n- y'],
    ['1.1.0', '- z'],
    ['1.0.0', undefined],
    ['1.2', undefined],
  ])('%s', (version, expected) => {
    expect(changesOf(version, changelog)).toBe(expected)
  })
})

describe('a checkout', () => {
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], { cwd: folder })

  beforeEach(async () => {
    await writeFile(join(folder, 'package.json'), '{"version": "1.2.0"}')
    await writeFile(join(folder, 'package-lock.json'), '{"version": "1.2.0"}')
    await writeFile(join(folder, 'CHANGELOG.md'), '## 1.2.0\n\n- Something new\n')
    git('init', '--quiet')
    git('add', '.')
    git('commit', '--quiet', '--message', 'all')
  })

  test('can be released', () => {
    expect(readReleaseState(folder)).toMatchObject({
      version: '1.2.0',
      tag: 'v1.2.0',
      notes: '- Something new',
      obstacles: [],
    })
  })

  test('with changes, a tag, another version in the lock file or no words about it cannot, and each is told', async () => {
    git('tag', 'v1.2.0')
    await writeFile(join(folder, 'package-lock.json'), '{"version": "1.1.0"}')
    await writeFile(join(folder, 'CHANGELOG.md'), '## Unreleased\n')
    const { obstacles } = readReleaseState(folder)
    expect(obstacles.join('\n')).toMatch(/package-lock[\s\S]*CHANGELOG[\s\S]*not committed[\s\S]*v1\.2\.0 is there/)
    expect(obstacles).toHaveLength(4)
  })
})

describe('licences', () => {
  const packages = thirdPartyPackages(root)
  const text = licenceTexts(packages)

  test('are there for every package that the program needs, and for Node.js itself', () => {
    expect(packages.length).toBeGreaterThan(50)
    for (const { name, version } of packages) expect(text).toContain(`\n${name} ${version} (`)
    const node = packages.find(({ name }) => name.startsWith('node-'))
    expect(node).toBeDefined()
    expect(text).toContain('Node.js is licensed for use as follows')
  })

  test('tools that only make the program are not among them', () => {
    expect(packages.map(({ name }) => name)).not.toContain('vitest')
  })

  test('a package without a text of its own gets the one that it declares', async () => {
    const each = { name: 'bare', version: '1.0.0', license: 'LGPL-3.0-or-later', folder }
    expect(licenceTexts([each])).toMatch(/GNU LESSER GENERAL PUBLIC LICENSE[\s\S]*GNU GENERAL PUBLIC LICENSE/)
    expect(() => licenceTexts([{ ...each, license: 'Nobody-Knows-1.0' }])).toThrow('Nobody-Knows-1.0')
  })
})

test('a release is an archive, a bill of materials and the sums of both', async () => {
  const binary = join(folder, 'program')
  await writeFile(binary, '#!/bin/sh\necho 1.2.0\n')
  const target = join(folder, 'out')
  await mkdir(target)
  await writeFile(join(target, 'of an earlier release'), '')
  const files = await packRelease({ root, binary, name: 'comfyui-api-1.2.0-linux-x64', target })

  expect((await readdir(target)).toSorted()).toEqual([
    'SHA256SUMS',
    'comfyui-api-1.2.0-linux-x64.cdx.json',
    'comfyui-api-1.2.0-linux-x64.tar.gz',
  ])
  expect(files).toHaveLength(3)
  const sums = (await readFile(join(target, 'SHA256SUMS'), 'utf8')).trimEnd().split('\n')
  for (const [index, line] of sums.entries()) {
    const file = files[index] ?? ''
    expect(line).toBe(`${hash('sha256', await readFile(file))}  ${basename(file)}`)
  }
  expect(sums).toHaveLength(2)
  execFileSync('tar', ['--extract', '--file', files[0] ?? '', '--directory', folder])
  const unpacked = join(folder, 'comfyui-api-1.2.0-linux-x64')
  expect(await readdir(unpacked)).toEqual(
    expect.arrayContaining(['comfyui-api', 'LICENSE', 'THIRD-PARTY-LICENCES.txt', 'README.md', 'deploy']),
  )
  expect(execFileSync(join(unpacked, 'comfyui-api'), { encoding: 'utf8' })).toBe('1.2.0\n')
  const sbom = await readFile(files[1] ?? '', 'utf8')
  expect(JSON.parse(sbom)).toMatchObject({ bomFormat: 'CycloneDX', metadata: { component: { name: 'comfyui-api' } } })
  expect(sbom).toContain('"pkg:npm/fastify@')
  expect(sbom).not.toContain('"pkg:npm/vitest@')
})

describe('publishing', () => {
  /** Answers as GitHub does, and writes down what it was asked. `failsAt` is the part of a request that it refuses. */
  async function startGithub(failsAt?: string) {
    const asked: string[] = []
    const bodies: string[] = []
    const server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const what = `${request.method ?? ''} ${request.url ?? ''}`
        asked.push(what)
        bodies.push(Buffer.concat(chunks).toString())
        const isRefused =
          request.headers.authorization !== 'Bearer secret' || (failsAt !== undefined && what.includes(failsAt))
        response.statusCode = isRefused ? 422 : request.method === 'DELETE' ? 204 : 200
        const release = { id: 7, upload_url: `${url}/uploads/7/assets{?name,label}`, html_url: `${url}/r/7` }
        response.end(request.method === 'DELETE' ? '' : JSON.stringify(isRefused ? { message: 'no' } : release))
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const url = `http://127.0.0.1:${typeof address === 'object' && address ? String(address.port) : ''}`
    return {
      url,
      asked,
      bodies,
      [Symbol.asyncDispose]: async () => {
        server.closeAllConnections()
        server.close()
        await once(server, 'close')
      },
    }
  }

  const release = async () => {
    const file = join(folder, 'a b.tar.gz')
    await writeFile(file, 'archive')
    return { tag: 'v1.2.0', commit: 'abc', notes: '- new', files: [file] }
  }

  test('makes a draft, uploads, and then shows it', async () => {
    await using github = await startGithub()
    const options = { apiUrl: github.url, repository: 'o/n', token: 'secret' }
    expect(await publishRelease(await release(), options)).toBe(`${github.url}/r/7`)
    expect(github.asked).toEqual([
      'POST /repos/o/n/releases',
      'POST /uploads/7/assets?name=a%20b.tar.gz',
      'PATCH /repos/o/n/releases/7',
    ])
    expect(github.bodies.map((body) => (body === 'archive' ? body : z.json().parse(JSON.parse(body))))).toEqual([
      { tag_name: 'v1.2.0', target_commitish: 'abc', name: 'v1.2.0', body: '- new', draft: true },
      'archive',
      { draft: false },
    ])
  })

  test('a failed upload leaves no draft, and is told', async () => {
    await using github = await startGithub('/uploads/')
    const options = { apiUrl: github.url, repository: 'o/n', token: 'secret' }
    await expect(publishRelease(await release(), options)).rejects.toThrow('upload of a b.tar.gz answered 422')
    expect(github.asked.at(-1)).toBe('DELETE /repos/o/n/releases/7')
  })

  test('a wrong token is told, and nothing else is asked', async () => {
    await using github = await startGithub()
    const options = { apiUrl: github.url, repository: 'o/n', token: 'wrong' }
    await expect(publishRelease(await release(), options)).rejects.toThrow('answered 422')
    expect(github.asked).toHaveLength(1)
  })
})
