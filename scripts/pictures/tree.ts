// images/arborescence: the tree of files, folder by folder, with what each is for. Every file named here must exist.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Box, INK, picture, rect, SOFT, TONES, type Tone, text } from './svg.ts';

interface Folder {
  readonly name: string;
  readonly tone: Tone;
  readonly purpose: string;
  /** File or folder in it, and what it is for. */
  readonly entries: readonly (readonly [name: string, purpose: string])[];
}

const LEFT: readonly Folder[] = [
  {
    name: 'producer/',
    tone: TONES.blue,
    purpose: 'everything before the topic',
    entries: [
      ['producer.ts', 'the command'],
      ['geo-weather.ts', 'the command of the weather'],
      ['sources/', 'X, Bluesky, lines …: a file each'],
      ['pump.ts', 'reads, encodes, sends, waits'],
      ['partition-rotation.ts', 'which partition now'],
    ],
  },
  {
    name: 'consumer/',
    tone: TONES.green,
    purpose: 'everything after the topic',
    entries: [
      ['consumer.ts', 'live: from now on'],
      ['consumer-from-position.ts', 'from a stored position'],
      ['hdfs-consumer.ts', 'files by country and city'],
      ['weather-alerts.ts', 'topic to topic, by transactions'],
      ['deliver.ts', 'stage, commit, place, advance'],
      ['sinks/', 'where batches end'],
      ['positions/', 'the next offset, kept'],
      ['verify/', 'topic = ledger = table?'],
    ],
  },
  {
    name: 'params/',
    tone: TONES.amber,
    purpose: 'the settings',
    entries: [
      ['params.json', 'the job: edit this'],
      ['config.json', 'connections: edit this'],
      ['schema.ts', 'what may stand in them'],
    ],
  },
  { name: 'images/', tone: TONES.plain, purpose: 'this picture and its twin', entries: [] },
];

const MIDDLE: readonly Folder[] = [
  {
    name: 'pipeline/',
    tone: TONES.violet,
    purpose: 'nouns, contracts, pure rules',
    entries: [
      ['record.ts', 'one Kafka message'],
      ['range.ts', 'offsets [start, end)'],
      ['batch.ts', 'X records of one partition'],
      ['source.ts', 'contract of a source'],
      ['sink.ts', 'contract of a destination'],
      ['ledger.ts', 'contract of the ledger'],
      ['errors.ts', 'every error code'],
    ],
  },
  {
    name: 'clients/',
    tone: TONES.violet,
    purpose: 'the only users of vendor clients',
    entries: [
      ['kafka/', 'producer, consumer, admin'],
      ['hive/', 'sessions, quoting'],
      ['files/', 'HDFS and local files'],
    ],
  },
  {
    name: 'stack/',
    tone: TONES.violet,
    purpose: 'Kafka, HDFS, Hive for you',
    entries: [
      ['launch.ts', 'up, down, status, wipe'],
      ['artifacts.ts', 'pinned and checked'],
    ],
  },
  { name: 'monitor/', tone: TONES.violet, purpose: 'metrics, statistics, live table', entries: [] },
  { name: 'report/', tone: TONES.violet, purpose: 'the weather as one page', entries: [] },
  { name: 'bench/', tone: TONES.plain, purpose: 'measurements side by side', entries: [] },
];

const RIGHT: readonly Folder[] = [
  {
    name: 'cli/',
    tone: TONES.plain,
    purpose: 'the command line',
    entries: [['main.ts', 'kafka-hive <command>']],
  },
  {
    name: 'scripts/',
    tone: TONES.plain,
    purpose: 'npm run …',
    entries: [
      ['demo.ts', 'the whole job, for real'],
      ['test.ts', 'every test, real servers too'],
      ['bootstrap.mjs', 'sets up a fresh clone'],
    ],
  },
  {
    name: 'test/',
    tone: TONES.plain,
    purpose: 'mirrors the sources',
    entries: [
      ['unit/', 'needs nothing'],
      ['servers/', 'real Kafka, HDFS, Hive'],
      ['support/', 'waiting, endpoints'],
    ],
  },
  {
    name: 'docs/',
    tone: TONES.plain,
    purpose: 'README.md: which page when',
    entries: [
      ['architecture.md', 'how the parts stand'],
      ['glossary.md', 'the words'],
      ['decisions/', 'why it is as it is'],
    ],
  },
];

const TOP_FILES: readonly (readonly [string, string])[] = [
  ['README.md', 'start here'],
  ['package.json', 'npm run …'],
  ['tsconfig.json', 'TypeScript'],
  ['requirements-node.txt', 'packages it runs on'],
];

const WIDTH = 1920;
const COLUMN = 590;
const ROW = 31;
const HEAD = 62;
const GAP = 24;
const TOP = 236;

const heightOf = ({ entries }: Folder) =>
  HEAD + entries.length * ROW + (entries.length > 0 ? 16 : 0);

function folderIcon(x: number, y: number, tone: Tone): string {
  return `<path d="M${x} ${y + 3} q0 -3 3 -3 h8 l4 4 h11 q3 0 3 3 v13 q0 3 -3 3 h-23 q-3 0 -3 -3 Z" fill="${tone.heading ?? tone.stroke}"/>`;
}

function fileIcon(x: number, y: number): string {
  return `<path d="M${x} ${y} h8 l5 5 v13 h-13 Z M${x + 8} ${y} v5 h5" fill="#ffffff" stroke="${SOFT}" stroke-width="1.5" stroke-linejoin="round"/>`;
}

function entryRow(
  box: Box,
  index: number,
  count: number,
  [name, purpose]: readonly [string, string],
  tone: Tone,
) {
  const y = box.y + HEAD + index * ROW + 8;
  const trunk = box.x + 36;
  const isLast = index === count - 1;
  const colour = tone.stroke;
  return [
    `<path d="M${trunk} ${y - 18} V${isLast ? y : y + 13} M${trunk} ${y} H${trunk + 18}" fill="none" stroke="${colour}" stroke-width="1.5" opacity="0.6"/>`,
    name.endsWith('/')
      ? `<g transform="translate(${trunk + 24} ${y - 9}) scale(0.68)">${folderIcon(0, 0, tone)}</g>`
      : fileIcon(trunk + 27, y - 9),
    text(trunk + 52, y + 6, name, { size: 17, weight: 500 }),
    text(box.x + 318, y + 6, purpose, { size: 16, fill: SOFT }),
  ].join('\n');
}

function folderCard(folder: Folder, x: number, y: number): string {
  const box: Box = { x, y, width: COLUMN, height: heightOf(folder) };
  return [
    rect(box, folder.tone),
    folderIcon(x + 22, y + 19, folder.tone),
    text(x + 64, y + 39, folder.name, {
      size: 22,
      weight: 700,
      fill: folder.tone.heading ?? folder.tone.stroke,
    }),
    text(x + 318, y + 38, folder.purpose, { size: 16, weight: 500, fill: INK }),
    ...folder.entries.map((entry, index) =>
      entryRow(box, index, folder.entries.length, entry, folder.tone),
    ),
  ].join('\n');
}

function column(folders: readonly Folder[], x: number): { parts: string[]; end: number } {
  let y = TOP;
  const parts = folders.map((folder) => {
    const part = folderCard(folder, x, y);
    y += heightOf(folder) + GAP;
    return part;
  });
  return { parts, end: y };
}

function topFiles(): string[] {
  return TOP_FILES.flatMap(([name, purpose], index) => {
    const x = 50 + index * 460;
    return [
      rect({ x, y: 140, width: 440, height: 62 }, TONES.white),
      fileIcon(x + 22, 162),
      text(x + 48, 178, name, { size: 18, weight: 600 }),
      text(x + 420, 178, purpose, { size: 16, fill: SOFT, anchor: 'end' }),
    ];
  });
}

function checkNames(root: string): void {
  const named = [LEFT, MIDDLE, RIGHT]
    .flat()
    .flatMap(({ name, entries }) => [name, ...entries.map(([entry]) => name + entry)]);
  const gone = [...named, ...TOP_FILES.map(([name]) => name)].filter(
    (name) => !existsSync(join(root, name)),
  );
  if (gone.length > 0)
    throw new Error(`the picture of the tree names what is not there: ${gone.join(', ')}`);
}

/** Throws when the tree under `root` has not what the picture shows. */
export function tree(root: string): string {
  checkNames(root);
  const columns = [LEFT, MIDDLE, RIGHT].map((folders, index) =>
    column(folders, 50 + index * (COLUMN + 25)),
  );
  const height = Math.max(...columns.map(({ end }) => end)) + 26;
  return picture(WIDTH, height, 'Tree of files', [
    text(50, 72, 'Tree of files', { size: 40, weight: 700 }),
    text(
      50,
      110,
      'producer/ and consumer/ never import each other; both stand on clients/ and pipeline/',
      { size: 21, fill: SOFT },
    ),
    ...topFiles(),
    ...columns.flatMap(({ parts }) => parts),
  ]);
}
