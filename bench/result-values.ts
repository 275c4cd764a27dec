import { Type, type TSchema } from '@sinclair/typebox'

// What all parts of a Run file are made of. Unknown is null, never 0.

export const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
export const count = Type.Integer({ minimum: 0 })
export const amount = Type.Number({ minimum: 0 })
export const counts = Type.Record(Type.String(), count)
export const text = Type.String()
export const strict = { additionalProperties: false } as const
