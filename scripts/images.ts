// `npm run images`: draws the pictures of images/ as SVG and renders each as PNG. `--check` only compares the SVG.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Resvg } from '@resvg/resvg-js';
import { howItWorks } from './pictures/how-it-works.ts';
import { tree } from './pictures/tree.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
// The fonts come with a package, so that the PNG looks the same wherever it is made.
const fonts = ['400Regular', '500Medium', '600SemiBold', '700Bold'].map((style) =>
  join(root, `node_modules/@expo-google-fonts/inter/${style}/Inter_${style}.ttf`),
);
const PICTURES = { fonctionnement: howItWorks(), arborescence: tree(root) };
const check = process.argv.includes('--check');

for (const [name, svg] of Object.entries(PICTURES)) {
  const file = join(root, 'images', name);
  if (check) {
    if (readFileSync(`${file}.svg`, 'utf8') === svg) continue;
    process.stderr.write(`images/${name}.svg is not what the script draws: npm run images\n`);
    process.exitCode = 1;
    continue;
  }
  const png = new Resvg(svg, {
    font: { fontFiles: fonts, loadSystemFonts: false, defaultFontFamily: 'Inter' },
  });
  writeFileSync(`${file}.svg`, svg);
  writeFileSync(`${file}.png`, png.render().asPng());
}
