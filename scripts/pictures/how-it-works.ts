// images/fonctionnement: the way of a record from its source to the Hive table, and what is kept on that way.
import { kafkaTopic } from './kafka-topic.ts';
import {
  arrow,
  type Box,
  badge,
  bottom,
  card,
  INK,
  lines,
  middle,
  picture,
  rect,
  right,
  SOFT,
  TONES,
  text,
} from './svg.ts';

const WIDTH = 1920;
const HEIGHT = 1030;
const TOP = 140;
const TOP_HEIGHT = 350;

const sources: Box = { x: 50, y: TOP, width: 210, height: TOP_HEIGHT };
const producer: Box = { x: 320, y: TOP, width: 240, height: TOP_HEIGHT };
const topic: Box = { x: 620, y: TOP, width: 340, height: TOP_HEIGHT };
const consumer: Box = { x: 1020, y: TOP, width: 850, height: TOP_HEIGHT };
const builder: Box = { x: 1042, y: TOP + 64, width: 176, height: 262 };
const STEP_WIDTH = 140;
const stepBox = (index: number): Box => ({
  // The last step writes outside of HDFS: a little apart.
  x: 1244 + index * (STEP_WIDTH + 12) + (index === 3 ? 16 : 0),
  y: TOP + 64,
  width: STEP_WIDTH,
  height: 172,
});

const STEPS = [
  { name: 'stage', does: ['write the rows', 'where nobody', 'reads'] },
  { name: 'commit', does: ['one entry per', 'start; the first', 'writer decides'] },
  { name: 'place', does: ['rename to', 'where readers', 'look'] },
  { name: 'advance', does: ['remember the', 'next offset'] },
];

const STORE_Y = 610;
const storeBox = (index: number): Box => ({ ...stepBox(index), y: STORE_Y + 14, height: 140 });
const STORES = [
  { name: '_staging/', holds: ['files of each', 'attempt; safe', 'to lose'], tone: TONES.white },
  { name: '_ledger/', holds: ['what became of', 'every offset;', 'the truth'], tone: TONES.white },
  { name: 'dt=<day>/', holds: ['Parquet or', 'JSON Lines;', 'whole files'], tone: TONES.white },
  { name: 'positions', holds: ['next offset per', 'partition; only', 'a hint'], tone: TONES.plain },
];

function delivery(): string[] {
  const steps = STEPS.flatMap(({ name, does }, index) => {
    const box = stepBox(index);
    return [
      rect(box, TONES.white),
      badge(box.x + 27, box.y + 32, `${index + 1}`, TONES.green.stroke),
      text(box.x + 51, box.y + 39, name, { size: 19, weight: 700 }),
      lines(box.x + 16, box.y + 84, does, { size: 15.5, fill: SOFT }, 1.45),
    ];
  });
  return [
    card(consumer, TONES.green, 'consumer', []),
    text(right(consumer) - 20, consumer.y + 40, 'live, or from a stored position', {
      size: 16,
      fill: SOFT,
      anchor: 'end',
    }),
    rect(builder, TONES.white),
    text(builder.x + 18, builder.y + 39, 'batch', { size: 20, weight: 700 }),
    lines(
      builder.x + 18,
      builder.y + 72,
      ['X records of one', 'topic partition,', 'closed by'],
      { size: 15.5, fill: SOFT },
      1.45,
    ),
    lines(
      builder.x + 18,
      builder.y + 150,
      ['count', 'bytes', 'age', 'idle topic', 'stop'],
      { size: 15.5, weight: 500 },
      1.45,
    ),
    ...steps,
    lines(
      stepBox(0).x + 2,
      bottom(stepBox(0)) + 38,
      [
        'Killed anywhere, the next start asks the ledger what was decided, places it again',
        '(a second time changes nothing) and reads on from there.',
      ],
      { size: 15.5, fill: INK },
      1.5,
    ),
  ];
}

function stores(): string[] {
  const frame: Box = {
    x: stepBox(0).x - 12,
    y: STORE_Y,
    width: 3 * STEP_WIDTH + 2 * 12 + 24,
    height: 370,
  };
  const hive: Box = { x: frame.x + 12, y: STORE_Y + 204, width: frame.width - 24, height: 106 };
  const boxes = STORES.flatMap(({ name, holds, tone }, index) => {
    const box = storeBox(index);
    return [
      rect(box, tone),
      text(box.x + 16, box.y + 36, name, { size: 19, weight: 700 }),
      lines(box.x + 16, box.y + 68, holds, { size: 15.5, fill: SOFT }, 1.45),
      arrow(
        [
          [middle(box), bottom(consumer) + 3],
          [middle(box), box.y - 5],
        ],
        { colour: TONES.green.stroke },
      ),
      badge(middle(box), (bottom(consumer) + STORE_Y) / 2, `${index + 1}`, TONES.green.stroke),
    ];
  });
  return [
    rect(frame, TONES.amber),
    text(frame.x + 30, bottom(frame) - 20, 'HDFS: the directory of the table', {
      size: 20,
      weight: 700,
      fill: TONES.amber.stroke,
    }),
    ...boxes,
    rect(hive, { fill: '#ffffff', stroke: TONES.amber.stroke }),
    text(hive.x + 18, hive.y + 40, 'Hive', { size: 22, weight: 700, fill: TONES.amber.stroke }),
    lines(hive.x + 18, hive.y + 70, ['SQL through HiveServer2 sees placed files only'], {
      size: 16,
    }),
    arrow(
      [
        [middle(storeBox(2)), bottom(storeBox(2)) + 2],
        [middle(storeBox(2)), hive.y - 4],
      ],
      { colour: TONES.amber.stroke },
    ),
  ];
}

function proof(): string[] {
  const dead: Box = { x: 620, y: 560, width: 340, height: 126 };
  const verify: Box = { x: 620, y: 760, width: 500, height: 220 };
  const frameLeft = stepBox(0).x - 12;
  return [
    card(dead, TONES.red, 'topic of dead letters', [
      'a record that is no row: its bytes',
      'as they came, where from and why',
    ]),
    arrow(
      [
        [builder.x + 48, bottom(consumer) + 3],
        [builder.x + 48, dead.y + 63],
        [right(dead) + 5, dead.y + 63],
      ],
      { colour: TONES.red.stroke },
    ),
    card(verify, TONES.plain, 'verify', [
      'compares topic, ledger and table, partition by',
      'partition, at any time:',
    ]),
    text(verify.x + 20, verify.y + 152, 'read = written + dead letters + skipped', {
      size: 20,
      weight: 700,
      fill: TONES.green.stroke,
    }),
    text(verify.x + 20, verify.y + 188, '0 missing, 0 doubled', { size: 18, weight: 600 }),
    arrow(
      [
        [verify.x + 60, verify.y - 2],
        [verify.x + 60, bottom(dead) + 6],
      ],
      { dashed: true },
    ),
    arrow(
      [
        [right(verify) + 2, verify.y + 110],
        [frameLeft - 5, verify.y + 110],
      ],
      { dashed: true },
    ),
  ];
}

function promise(): string[] {
  const box: Box = { x: 50, y: 560, width: 510, height: 420 };
  const say = [
    [
      'A batch has one name: topic, partition, start.',
      'Who writes it into the ledger first has decided.',
    ],
    ['Each move consumes its source, so it happens', 'once, whoever does it.'],
    ['The position comes last and only grows: losing', 'it costs time, never rows.'],
    ['Every row carries its topic, partition and', 'offset: anyone can check by SQL.'],
  ];
  return [
    card(box, TONES.white, 'Why nothing is lost or doubled', []),
    ...say.map((pair, index) =>
      [
        `<circle cx="${box.x + 30}" cy="${box.y + 93 + index * 82}" r="5" fill="${TONES.green.stroke}"/>`,
        lines(box.x + 50, box.y + 99 + index * 82, pair, { size: 18 }, 1.45),
      ].join('\n'),
    ),
  ];
}

export function howItWorks(): string {
  const flow = (from: Box, to: Box) =>
    arrow(
      [
        [right(from) + 6, TOP + 175],
        [to.x - 7, TOP + 175],
      ],
      { colour: INK },
    );
  return picture(WIDTH, HEIGHT, 'How it works', [
    text(50, 72, 'How it works', { size: 40, weight: 700 }),
    text(
      50,
      110,
      'From a hashtag to a Hive table: every record once, whole and in order, through any crash',
      { size: 21, fill: SOFT },
    ),
    card(sources, TONES.plain, 'sources', [
      'posts with a hashtag',
      '(X filtered stream)',
      '',
      'lines of any text or',
      'JSON, from files or',
      'standard input',
    ]),
    card(producer, TONES.blue, 'producer', [
      'one post, one JSON',
      'message',
      '',
      'idempotent sends,',
      'acknowledged by all',
      'replicas',
      '',
      'next partition after',
      '10 minutes, or by key,',
      'or round robin',
    ]),
    ...kafkaTopic(topic),
    ...delivery(),
    flow(sources, producer),
    flow(producer, topic),
    flow(topic, consumer),
    ...stores(),
    ...proof(),
    ...promise(),
  ]);
}
