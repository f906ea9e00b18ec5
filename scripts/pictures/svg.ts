// The few shapes our pictures are drawn with, and their colours. Coordinates are pixels from the top left corner.

export const INK = '#1f2933';
export const SOFT = '#52606d';

/** Colours of one part of the picture. */
export interface Tone {
  readonly fill: string;
  readonly stroke: string;
  /** Colour of its heading; the stroke where there is none. */
  readonly heading?: string;
}

export const TONES = {
  plain: { fill: '#f5f7fa', stroke: '#9aa5b1', heading: INK },
  white: { fill: '#ffffff', stroke: '#c3ccd5', heading: INK },
  blue: { fill: '#e6f0fb', stroke: '#2c6cb0' },
  violet: { fill: '#f1edfc', stroke: '#6548b5' },
  green: { fill: '#e5f5ec', stroke: '#2a7d53' },
  amber: { fill: '#fff5dc', stroke: '#b27416' },
  red: { fill: '#fdebe9', stroke: '#bf3a30' },
} as const satisfies Record<string, Tone>;

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface TextStyle {
  readonly size?: number;
  readonly weight?: 400 | 500 | 600 | 700;
  readonly fill?: string;
  readonly anchor?: 'start' | 'middle' | 'end';
}

const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

export function text(x: number, y: number, line: string, style: TextStyle = {}): string {
  const { size = 17, weight = 400, fill = INK, anchor = 'start' } = style;
  return `<text x="${x}" y="${y}" font-size="${size}" font-weight="${weight}" fill="${fill}" text-anchor="${anchor}">${escaped(line)}</text>`;
}

/** Lines one below the other; `y` is the base line of the first. */
export function lines(
  x: number,
  y: number,
  all: readonly string[],
  style: TextStyle = {},
  leading = 1.4,
): string {
  const step = Math.round((style.size ?? 17) * leading);
  return all.map((line, index) => text(x, y + index * step, line, style)).join('\n');
}

export function rect(box: Box, tone: Tone, options: { radius?: number; dashed?: boolean } = {}) {
  const dash = options.dashed ? ' stroke-dasharray="7 5"' : '';
  return `<rect x="${box.x}" y="${box.y}" width="${box.width}" height="${box.height}" rx="${options.radius ?? 12}" fill="${tone.fill}" stroke="${tone.stroke}" stroke-width="2"${dash}/>`;
}

export type Point = readonly [x: number, y: number];

/** A line through `points` with an arrow head at its end; corners are rounded. */
export function arrow(
  points: readonly Point[],
  options: { colour?: string; dashed?: boolean } = {},
) {
  const colour = options.colour ?? SOFT;
  const dash = options.dashed ? ' stroke-dasharray="7 6"' : '';
  const path = points.map(([x, y], index) => `${index === 0 ? 'M' : 'L'}${x} ${y}`).join(' ');
  const [last = [0, 0], before = [0, 0]] = points.toReversed();
  const angle = Math.atan2(last[1] - before[1], last[0] - before[0]);
  const wing = (turn: number): string => {
    const x = last[0] - 13 * Math.cos(angle + turn);
    const y = last[1] - 13 * Math.sin(angle + turn);
    return `${x.toFixed(1)} ${y.toFixed(1)}`;
  };
  return [
    `<path d="${path}" fill="none" stroke="${colour}" stroke-width="2.5" stroke-linejoin="round" stroke-linecap="round"${dash}/>`,
    `<path d="M${wing(0.42)} L${last[0]} ${last[1]} L${wing(-0.42)} Z" fill="${colour}" stroke="${colour}" stroke-width="2" stroke-linejoin="round"/>`,
  ].join('\n');
}

/** A number in a filled circle around (x, y). */
export function badge(x: number, y: number, label: string, colour: string): string {
  return [
    `<circle cx="${x}" cy="${y}" r="17" fill="${colour}"/>`,
    text(x, y + 6, label, { size: 18, weight: 700, fill: '#ffffff', anchor: 'middle' }),
  ].join('\n');
}

export function picture(width: number, height: number, title: string, parts: readonly string[]) {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="Inter, 'Helvetica Neue', Arial, sans-serif" role="img" aria-label="${escaped(title)}">
<rect width="${width}" height="${height}" fill="#ffffff"/>
${parts.join('\n')}
</svg>
`;
}

export const middle = (box: Box) => box.x + box.width / 2;
export const bottom = (box: Box) => box.y + box.height;
export const right = (box: Box) => box.x + box.width;

/** A box with a heading and lines of text. */
export function card(box: Box, tone: Tone, heading: string, body: readonly string[]): string {
  return [
    rect(box, tone),
    text(box.x + 20, box.y + 40, heading, {
      size: 23,
      weight: 700,
      fill: tone.heading ?? tone.stroke,
    }),
    lines(box.x + 20, box.y + 74, body, { size: 16, fill: INK }, 1.5),
  ].join('\n');
}
