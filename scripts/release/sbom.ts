import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { z } from 'zod'

const run = promisify(execFile)

const referenceSchema = z.looseObject({ type: z.string() })
const sbomSchema = z.looseObject({
  bomFormat: z.literal('CycloneDX'),
  metadata: z.looseObject({ component: z.looseObject({ name: z.string() }) }),
  components: z.array(z.looseObject({ externalReferences: z.array(referenceSchema).optional() })),
})

/** The software bill of materials of what is installed for run time, in the format of CycloneDX, as npm makes it. */
export async function makeSbom(root: string): Promise<string> {
  const { stdout } = await run('npm', ['sbom', '--sbom-format=cyclonedx', '--sbom-type=application', '--omit=dev'], {
    cwd: root,
    maxBuffer: 64 * 1024 * 1024,
  })
  const sbom = sbomSchema.parse(JSON.parse(stdout))
  // npm calls the program after its folder, and says where this machine had the packages from.
  const { component } = sbom.metadata
  const components = sbom.components.map((each) => ({
    ...each,
    externalReferences: each.externalReferences?.filter(({ type }) => type !== 'distribution') ?? [],
  }))
  const named = {
    ...sbom,
    metadata: { ...sbom.metadata, component: { ...component, name: 'comfyui-api' } },
    components,
  }
  return `${JSON.stringify(named, undefined, 2)}\n`
}
