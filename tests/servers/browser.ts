import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'

/** The browser of the tests; undefined where there is none. */
export const chromiumProgram = process.env.MINDTRACE_TEST_CHROMIUM

/** Starts it, asking nothing of any network by itself. */
export async function launchChromium(): Promise<Browser> {
  return await chromium.launch({
    ...(chromiumProgram === undefined ? {} : { executablePath: chromiumProgram }),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

/** Keeps a picture of a page, to be looked at, in the folder `MINDTRACE_TEST_SCREENSHOTS` when that is set. */
export async function keepPicture(page: Page, name: string): Promise<void> {
  const folder = process.env.MINDTRACE_TEST_SCREENSHOTS
  if (folder !== undefined) await page.screenshot({ path: join(folder, `${name}.png`) })
}
