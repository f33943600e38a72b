export { openApiDocument } from '../openapi.ts'
export { type BodyCheck, DeclaredAnswers } from './declared-answers.ts'
