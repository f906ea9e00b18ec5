// The Kafka topic in the picture of how it works: four partitions, their records and how far each is.
import { type Box, card, rect, right, SOFT, TONES, type Tone, text } from './svg.ts';

const WAITS: Tone = { fill: '#ffffff', stroke: '#b8a9e0' };

/** Cells of one topic partition: placed, in the open batch, not read yet. */
function partitionRow(topic: Box, index: number, placed: number, open: number): string {
  const y = topic.y + 92 + index * 46;
  const cells = Array.from({ length: 11 }, (_, cell) => {
    const tone = cell < placed ? TONES.green : cell < placed + open ? TONES.amber : WAITS;
    return rect({ x: topic.x + 62 + cell * 23.5, y, width: 21, height: 30 }, tone, { radius: 4 });
  });
  return [
    text(topic.x + 36, y + 22, `${index}`, {
      size: 18,
      weight: 600,
      fill: TONES.violet.stroke,
      anchor: 'middle',
    }),
    ...cells,
  ].join('\n');
}

function legend(x: number, y: number, tone: Tone, label: string): string {
  return [
    rect({ x, y: y - 14, width: 16, height: 16 }, tone, { radius: 3 }),
    text(x + 23, y, label, { size: 15, fill: SOFT }),
  ].join('\n');
}

/** The topic with its four partitions. */
export function kafkaTopic(topic: Box): string[] {
  return [
    card(topic, TONES.violet, 'Kafka topic', []),
    text(right(topic) - 20, topic.y + 40, '4 partitions', { size: 16, fill: SOFT, anchor: 'end' }),
    text(topic.x + 20, topic.y + 70, 'each keeps its order; offsets count its records', {
      size: 14,
      fill: SOFT,
    }),
    partitionRow(topic, 0, 6, 3),
    partitionRow(topic, 1, 4, 3),
    partitionRow(topic, 2, 5, 2),
    partitionRow(topic, 3, 3, 3),
    legend(topic.x + 24, topic.y + 305, TONES.green, 'in the table'),
    legend(topic.x + 150, topic.y + 305, TONES.amber, 'in a batch'),
    legend(topic.x + 256, topic.y + 305, WAITS, 'waits'),
  ];
}
