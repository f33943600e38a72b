import type { BodyCheck } from '@mindtrace/service/testing'
import { Ajv2020 } from 'ajv/dist/2020.js'

const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/

/** Checks bodies by the schemas of an OpenAPI document. */
export function bodyCheck(document: object): BodyCheck {
  const ajv = new Ajv2020({ strict: false, formats: { 'date-time': instant } })
  ajv.addSchema(document, 'openapi')
  return (pointer, body) => {
    const validate = ajv.getSchema(`openapi#${encodeURI(pointer)}`)
    if (validate === undefined) return `there is no schema at ${pointer}`
    return validate(body) ? undefined : ajv.errorsText(validate.errors, { dataVar: 'body' })
  }
}
