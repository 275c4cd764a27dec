import { Type, type Static } from '@sinclair/typebox'
import { Ajv } from 'ajv'

/** What our kustomizations use of kustomize, and no more: anything else is an error, not a silent difference. */
export type Kustomization = Static<typeof KustomizationSchema>

/** A kustomization.yaml out of what is not known to be one; throws a TypeError with every faulty field. */
export function parseKustomization(value: unknown, file: string): Kustomization {
  if (validate(value)) return value
  const faults = (validate.errors ?? []).map(
    ({ instancePath, message, params }) =>
      `${instancePath || '/'} ${message ?? ''} ${JSON.stringify(params)}`,
  )
  throw new TypeError(`${file}: beyond what is understood here: ${faults.join('; ')}`)
}

const strict = { additionalProperties: false }
const named = { kind: Type.String(), name: Type.String() }

const KustomizationSchema = Type.Object(
  {
    apiVersion: Type.Literal('kustomize.config.k8s.io/v1beta1'),
    kind: Type.Literal('Kustomization'),
    namespace: Type.String(),
    resources: Type.Array(Type.String()),
    configMapGenerator: Type.Array(
      Type.Object(
        {
          name: Type.String(),
          literals: Type.Optional(Type.Array(Type.String({ pattern: '^[^=]+=' }))),
          files: Type.Optional(Type.Array(Type.String({ pattern: '^[^=]+$' }))),
        },
        strict,
      ),
    ),
    // With hashes, every reference would be another name.
    generatorOptions: Type.Object({ disableNameSuffixHash: Type.Literal(true) }, strict),
    images: Type.Optional(
      Type.Array(
        Type.Object(
          {
            name: Type.String(),
            newName: Type.Optional(Type.String()),
            newTag: Type.Optional(Type.String()),
            digest: Type.Optional(Type.String()),
          },
          strict,
        ),
      ),
    ),
    // JSON patches (RFC 6902) alone: a strategic merge depends on the schema of every list.
    patches: Type.Optional(
      Type.Array(Type.Object({ target: Type.Object(named, strict), patch: Type.String() }, strict)),
    ),
    replacements: Type.Optional(
      Type.Array(
        Type.Object(
          {
            source: Type.Object({ ...named, fieldPath: Type.String() }, strict),
            targets: Type.Array(
              Type.Object(
                {
                  select: Type.Object(named, strict),
                  fieldPaths: Type.Array(Type.String({ pattern: '^[\\w.]+$' })),
                },
                strict,
              ),
            ),
          },
          strict,
        ),
      ),
    ),
  },
  strict,
)

const validate = new Ajv({ allErrors: true }).compile<Kustomization>(KustomizationSchema)
