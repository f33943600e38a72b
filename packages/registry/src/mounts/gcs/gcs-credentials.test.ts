import { afterEach, describe, expect, it, vi } from 'vitest'
import { GcsCredentials } from './gcs-credentials.ts'

function credentialsFor(endpoint: string): GcsCredentials {
  const url = new URL(endpoint)
  return new GcsCredentials({ endpoint: url, presignEndpoint: url, project: undefined })
}

describe('GCS credentials', () => {
  afterEach(() => vi.unstubAllEnvs())

  it.each([
    'http://127.0.0.1:4443',
    'http://storage.googleapis.com',
    'https://storage.googleapis.com.example.com',
    'https://notgoogleapis.com',
  ])('are not sent to %s', async (endpoint) => {
    vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', '/nowhere')
    expect(await credentialsFor(endpoint).headers()).toEqual({})
    expect(await credentialsFor(endpoint).project()).toBe('mindtrace')
  })

  it('say how to get them when there are none', async () => {
    vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', '/nowhere')
    const asked = credentialsFor('https://storage.googleapis.com').headers()
    await expect(asked).rejects.toMatchObject({ code: 'FORBIDDEN' })
    await expect(asked).rejects.toThrow(/gcloud auth application-default login/)
  })
})
