import { expect, test } from 'vitest'
import { python, runStory } from './run-story.ts'
import { lakeKinds, serveNewLake } from './served-lake.ts'

/** What the vaults do not do over any service, and why no service can mend it. */
const clientLimits = [
  ['save text without hints', 'ValueError', 'text needs a registry or hints in its metadata'],
  ['save an object', 'TypeError', 'only bytes and text are sent; callers serialise the rest'],
  ['load text by a registry', 'FileNotFoundError', 'its hints for text name no file to write'],
  ['create_dataset again', 'ValueError', 'the vault itself looks whether the name is taken'],
  ['get_dataset of none', 'DocumentNotFoundError', 'the vault itself finds the list empty'],
  ['remove_annotation again', 'DocumentNotFoundError', 'the vault itself finds no record'],
  [
    'list_dataset_annotations of the imported',
    'answers []',
    'the copied annotation sets keep the id of the collection they came from, by which it asks',
  ],
  ['remove_asset again', 'DocumentNotFoundError', 'the vault itself finds no item'],
  ['export_dataset as voc', 'ValueError', 'the package exports coco and huggingface only'],
] as const

test.skipIf(python === undefined).each(lakeKinds)(
  "the Python package's vaults work over the service (set MINDTRACE_TEST_PYTHON): a lake $name",
  { timeout: 600_000 },
  async ({ wishes }) => {
    await using lake = await serveNewLake(wishes)
    const calls = await runStory(
      'data_vault.py',
      lake,
      '20262',
      wishes.inBucket === true ? 'bucket' : 'folder',
    )
    const limits = calls.filter(({ limit }) => limit !== undefined)
    const once = clientLimits.map(([what, found]) => [what, found])
    expect(limits.map(({ task, limit }) => [task, limit])).toEqual([...once, ...once])
  },
)
