import { DeclaredAnswers, openApiDocument } from '@mindtrace/service/testing'
import { afterEach, expect } from 'vitest'
import { bodyCheck } from './body-check.ts'

const document = openApiDocument('0.0.0')

/**
 * Compares whatever an app answers in the tests of this file with the OpenAPI document, bodies included. A test after
 * which something was answered that the document does not declare fails.
 */
export function watchApps(): DeclaredAnswers {
  const declared = new DeclaredAnswers(document, { bodies: bodyCheck(document) })
  afterEach(() => expect(declared.take(), 'not in the OpenAPI document').toEqual([]))
  return declared
}
