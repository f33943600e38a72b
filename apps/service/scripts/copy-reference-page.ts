/** Puts Swagger UI's files beside the built code, as part of this package: nothing is fetched when it runs. */
import { copyFile, mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const to = fileURLToPath(new URL('../dist/reference-page/', import.meta.url))
const names = ['swagger-ui.css', 'swagger-ui-bundle.js', 'LICENSE', 'NOTICE']

await mkdir(to, { recursive: true })
for (const name of [...names, 'swagger-ui-bundle.js.LICENSE.txt']) {
  await copyFile(fileURLToPath(import.meta.resolve(`swagger-ui-dist/${name}`)), `${to}${name}`)
}
