import { config } from 'zod'

// zod tries `eval` when a schema is made, which the page's security policy forbids and the browser
// reports as an error. This has to run before the contract's schemas are made: keep its import first.
config({ jitless: true })
