import { realpath, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { Split } from '@mindtrace/contract'
import { type CallOptions, MindtraceError, systemErrorCode } from '@mindtrace/core'
import type { Finding } from '../finding.ts'
import { readAhead } from '../read-ahead.ts'
import type { ImportSource, SourceEvent, SourceProblem } from '../sample-source.ts'
import { hasOnlyVocClasses } from './class-scan.ts'
import { compareText, FolderScanner } from './folder-scan.ts'
import type { BoxConvention } from './voc-box.ts'
import { vocClassId } from './voc-classes.ts'
import { findVocFolders } from './voc-folder.ts'
import { planVocFolder, type VocEntry, type VocSplit } from './voc-plan.ts'
import { readVocSample } from './voc-sample.ts'
import { ingestSchemas, vocSchemas } from './voc-schemas.ts'

export interface VocOptions extends CallOptions {
  /**
   * Names the source, and the annotation schemas when the classes are not VOC's own. It is part of
   * every sample, so give the same one when an import is repeated: the dataset's name. Default: the
   * folder's name.
   */
  readonly name?: string | undefined
  /** Which part of the set; default all. */
  readonly splits?: readonly VocSplit[] | undefined
  /** Default `voc`. */
  readonly boxConvention?: BoxConvention | undefined
  /** How many samples are read ahead of the consumer; default 8. */
  readonly readAhead?: number | undefined
}

/**
 * Opens a Pascal VOC dataset: a `VOCdevkit` with one or several years, one such folder, a folder up to
 * two levels above, or images with label files beside them. Only names are read here; images and label
 * files are read as the samples are taken.
 *
 * @throws {@link MindtraceError} `NOT_FOUND` when there is no such folder, `INVALID_INPUT` when it holds
 * nothing to import.
 */
export async function openVoc(root: string, options: VocOptions = {}): Promise<ImportSource> {
  const realRoot = await realFolder(root)
  const splits = options.splits ?? ['all']
  const convention = options.boxConvention ?? 'voc'
  const findings: Finding[] = []
  const scanner = new FolderScanner(realRoot, findings)
  const entries: VocEntry[] = []
  const problems: SourceProblem[] = []
  const labels: string[] = []
  const classes = new Set<string>()
  const folders = await findVocFolders(scanner)
  for (const folder of folders) {
    options.signal?.throwIfAborted()
    const plan = await planVocFolder(realRoot, folder, scanner, splits, findings)
    for (const entry of plan.entries) entries.push(entry)
    for (const problem of plan.problems) problems.push(problem)
    for (const label of plan.labels) labels.push(label)
    for (const name of plan.classes) classes.add(name)
  }
  if (entries.length === 0 && problems.length === 0) {
    throw new MindtraceError(
      'INVALID_INPUT',
      `nothing to import in ${root}${splits.includes('all') ? '' : ` for ${splits.join(', ')}`}: expected images, in JPEGImages or beside their label files`,
      { details: { path: root, splits } },
    )
  }
  entries.sort((a, b) => compareText(a.image, b.image))
  const hasVocIds =
    [...classes].every((name) => vocClassId(name) !== null) &&
    (await hasOnlyVocClasses(realRoot, labels, options))
  const name = options.name ?? (basename(realRoot) || 'voc')
  const schemas = vocSchemas(name, hasVocIds)
  const context = { root: realRoot, convention, schemas }

  async function* samples(call: CallOptions = {}): AsyncGenerator<SourceEvent> {
    for (const finding of findings) yield { type: 'problem', finding, skipped: false }
    yield* problems
    const read = (entry: VocEntry) => readVocSample(entry, context)
    for await (const events of readAhead(entries, options.readAhead ?? 8, read, call)) yield* events
  }

  return {
    format: 'voc',
    name,
    total: entries.length + problems.filter(({ skipped }) => skipped).length,
    splits: Split.options.filter((split) => entries.some((entry) => entry.split === split)),
    schemas: ingestSchemas(schemas, {
      classification: classes.size > 0,
      segmentation: entries.some((entry) => entry.semanticMask ?? entry.instanceMask),
    }),
    metadata: {
      source_dataset: 'pascal_voc',
      source_format: 'voc',
      splits: [...splits],
      bbox_convention: convention,
      folders: folders.filter(({ rest }) => rest === null).map(({ path }) => path || '.'),
    },
    samples,
  }
}

async function realFolder(root: string): Promise<string> {
  try {
    const path = await realpath(root)
    if ((await stat(path)).isDirectory()) return path
  } catch (cause) {
    if (systemErrorCode(cause) === 'ENOENT') {
      throw new MindtraceError('NOT_FOUND', `no such folder: ${root}`, { cause })
    }
    throw cause
  }
  throw new MindtraceError('INVALID_INPUT', `not a folder: ${root}`)
}
