import { MindtraceError } from '@mindtrace/core'
import { type BoxConvention, openVoc, type VocSplit } from '@mindtrace/formats/voc'
import { Option } from 'commander'
import {
  type AddCommand,
  addOutputOptions,
  type CommandResult,
  type OutputOptions,
} from '../../command.ts'
import type { Io } from '../../io.ts'
import { addLakeOptions, type LakeOptions } from '../../lake-options.ts'
import { addImportOptions, type ImportOptions, importSource } from './import-source.ts'

interface VocCommandOptions extends LakeOptions, OutputOptions, ImportOptions {
  readonly split?: readonly string[]
  readonly boxConvention: BoxConvention
}

const splits = ['all', 'train', 'val', 'test', 'trainval'] as const

/** `mindtrace import voc`: any folder of the Pascal VOC kind. */
export const addImportVoc: AddCommand = (group, { io, run }) => {
  const command = group
    .command('voc')
    .description(
      'import a Pascal VOC folder: VOCdevkit, a single year, or images with XML beside them',
    )
    .argument('<folder>')
    .option('--split <names...>', `only these: ${splits.join(', ')} (default: all)`)
    .addOption(
      new Option(
        '--box-convention <name>',
        'voc: 1-based corners become exact 0-based boxes; reference: the numbers of the Python importer',
      )
        .choices(['voc', 'reference'])
        .default('voc'),
    )
  addOutputOptions(addImportOptions(addLakeOptions(command, { mountNames: true }))).action(
    run(async (folder: string, options: VocCommandOptions) => importVoc(io, folder, options)),
  )
}

async function importVoc(io: Io, folder: string, options: VocCommandOptions): CommandResult {
  return await importSource(io, options, folder, ({ dataset }) =>
    openVoc(folder, {
      name: dataset,
      boxConvention: options.boxConvention,
      splits: options.split?.flatMap((text) => text.split(',')).map(parseSplit),
      signal: io.signal,
    }),
  )
}

function parseSplit(text: string): VocSplit {
  const split = splits.find((one) => one === text)
  if (split !== undefined) return split
  throw new MindtraceError('INVALID_INPUT', `--split ${text}: one of ${splits.join(', ')}`)
}
