import type { Defect } from './defects.ts'
import type { Box } from './geometry.ts'
import { imageHeight, imageWidth } from './part.ts'

/**
 * The corners of a box as VOC writes them: whole pixels, counted from 1, the last one included.
 *
 * @see http://host.robots.ox.ac.uk/pascal/VOC/voc2012/devkit_doc.pdf
 */
export function vocCorners({ x, y, width, height }: Box) {
  return {
    xmin: Math.max(1, Math.floor(x) + 1),
    ymin: Math.max(1, Math.floor(y) + 1),
    xmax: Math.min(imageWidth, Math.ceil(x + width)),
    ymax: Math.min(imageHeight, Math.ceil(y + height)),
  }
}

/** The annotation file of one image. */
export function vocXml(fileName: string, defects: readonly Defect[]): string {
  return `<annotation>
\t<folder>JPEGImages</folder>
\t<filename>${fileName}</filename>
\t<source>
\t\t<database>Mindtrace sample: printed parts</database>
\t\t<annotation>Mindtrace</annotation>
\t\t<image>drawn</image>
\t</source>
\t<size>
\t\t<width>${imageWidth}</width>
\t\t<height>${imageHeight}</height>
\t\t<depth>3</depth>
\t</size>
\t<segmented>0</segmented>
${defects.map(objectXml).join('')}</annotation>
`
}

function objectXml(defect: Defect): string {
  const { xmin, ymin, xmax, ymax } = vocCorners(defect.bounds)
  return `\t<object>
\t\t<name>${defect.label}</name>
\t\t<pose>Unspecified</pose>
\t\t<truncated>0</truncated>
\t\t<occluded>0</occluded>
\t\t<difficult>${defect.difficult ? 1 : 0}</difficult>
\t\t<bndbox>
\t\t\t<xmin>${xmin}</xmin>
\t\t\t<ymin>${ymin}</ymin>
\t\t\t<xmax>${xmax}</xmax>
\t\t\t<ymax>${ymax}</ymax>
\t\t</bndbox>
\t</object>
`
}
