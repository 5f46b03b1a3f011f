/** A report as PDF, by pdfmake with the fonts that come with it. Loaded only when somebody asks for a PDF. It may read those fonts and fetch nothing. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import pdfmake from 'pdfmake';
import type { ReportDocument } from '../report/document.js';
import { pdfDefinition } from '../report/pdf-definition.js';

export async function renderPdf(document: ReportDocument): Promise<Buffer> {
  const fonts = join(dirname(createRequire(import.meta.url).resolve('pdfmake/package.json')), 'fonts/Roboto');
  const file = (style: string): string => join(fonts, `Roboto-${style}.ttf`);
  pdfmake.setUrlAccessPolicy(() => false);
  pdfmake.setLocalAccessPolicy((path) => path.startsWith(fonts));
  pdfmake.setFonts({
    Roboto: {
      normal: file('Regular'),
      bold: file('Medium'),
      italics: file('Italic'),
      bolditalics: file('MediumItalic'),
    },
  });
  return await pdfmake.createPdf(pdfDefinition(document)).getBuffer();
}
