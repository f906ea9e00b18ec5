// What is to be appended to a local file so that nobody who reads meanwhile sees a torn line. Linux writes a large append page
// by page, and a reader sees the file grow by whole pages of the page cache: its length stands on a page border or at the end.
// So a unit (a line, or a gzip member of whole lines) never crosses a border: the one before it is padded up to there, a line
// with blanks in front of its newline (which JSON takes), a member with a comment in its header. Pure.
import { gzipSync } from 'node:zlib';

/** Of x86; larger pages are multiples of it. */
export const PAGE_BYTES = 4096;

export interface Packed {
  readonly bytes: Buffer;
  /** No unit crosses a page border. False: a unit is too large for that, so the file must be replaced as a whole. */
  readonly isAligned: boolean;
}

const NEWLINE = 0x0a;
const LINE_END = Buffer.from('\n');
const BLANKS = Buffer.alloc(PAGE_BYTES, ' ');

const roomAt = (position: number) => PAGE_BYTES - (position % PAGE_BYTES);

/** What appends `lines` (whole lines, at least one) to a file of `length` bytes. */
export function packPages(lines: Buffer, length: number, isGzip: boolean): Packed {
  return isGzip ? packMembers(lines, length) : packLines(lines, length);
}

/** The ends of all lines, newlines included. */
function lineEnds(lines: Buffer): number[] {
  const ends: number[] = [];
  for (let at = lines.indexOf(NEWLINE); at >= 0; at = lines.indexOf(NEWLINE, at + 1)) {
    ends.push(at + 1);
  }
  return ends;
}

function packLines(lines: Buffer, length: number): Packed {
  const packed: Buffer[] = [];
  const reserve = { bytes: 0 };
  let room = roomAt(length);
  let isAligned = true;
  let taken = 0;
  /** Everything before `end` goes out, its last line made longer by `padding`. */
  const flush = (end: number, padding: number) => {
    packed.push(lines.subarray(taken, end - 1), BLANKS.subarray(0, padding), LINE_END);
    taken = end;
  };
  let begin = 0;
  for (const end of lineEnds(lines)) {
    const bytes = end - begin;
    // The next append will bring lines like these: too little room for one is filled up now, as it cannot be filled later.
    reserve.bytes = Math.min(PAGE_BYTES, Math.max(reserve.bytes, 2 * bytes));
    if (bytes > room) {
      if (begin > taken) flush(begin, room);
      else if (room < PAGE_BYTES && packed.length === 0) isAligned = false;
      room = PAGE_BYTES;
      if (bytes > PAGE_BYTES) isAligned = false;
    }
    room -= bytes % PAGE_BYTES;
    if (room <= 0) room += PAGE_BYTES;
    begin = end;
  }
  const size = packed.reduce((sum, { length: bytes }) => sum + bytes, 0);
  const left = roomAt(length + size + lines.length - taken);
  flush(lines.length, left < reserve.bytes ? left : 0);
  return { bytes: Buffer.concat(packed), isAligned };
}

/** An empty member takes 20 bytes, and a comment at least one. */
const FILLER_BYTES_MIN = 21;
/** Less room than this at the end of a page is not worth a member of its own. */
const MEMBER_BYTES_MIN = 512;
const FLAGS = 3;
const FLAG_COMMENT = 0x10;
const HEADER_BYTES = 10;

function packMembers(lines: Buffer, length: number): Packed {
  const ends = lineEnds(lines);
  const packed: Buffer[] = [];
  let room = roomAt(length);
  // Plain bytes to a packed one: what the last member came to.
  let ratio = 6;
  const add = (member: Buffer) => {
    packed.push(member);
    room -= member.length;
    if (room === 0) room = PAGE_BYTES;
  };
  for (let first = 0; first < ends.length; ) {
    const begin = ends[first - 1] ?? 0;
    const { next, member } = largestMember(lines, ends, first, room, ratio);
    if (member === undefined) {
      const isHopeless = room === PAGE_BYTES || room < FILLER_BYTES_MIN;
      if (isHopeless) return { bytes: oneMember(lines, length), isAligned: false };
      add(filler(room));
      continue;
    }
    ratio = ((ends[next - 1] ?? 0) - begin) / member.length;
    const left = room - member.length;
    const isEnough = next < ends.length ? left < MEMBER_BYTES_MIN : left < FILLER_BYTES_MIN;
    add(isEnough ? padMember(member, left) : member);
    first = next;
  }
  return { bytes: Buffer.concat(packed), isAligned: true };
}

/** As many lines from `first` on as fit into `room`, nearly; no member when one alone does not. */
function largestMember(
  lines: Buffer,
  ends: readonly number[],
  first: number,
  room: number,
  ratio: number,
): { next: number; member: Buffer | undefined } {
  const begin = ends[first - 1] ?? 0;
  let limit = begin + room * ratio;
  for (;;) {
    let next = first + 1;
    while (next < ends.length && (ends[next] ?? 0) <= limit) next += 1;
    const end = ends[next - 1] ?? lines.length;
    const member = gzipSync(lines.subarray(begin, end));
    if (member.length <= room) return { next, member };
    if (next === first + 1) return { next, member: undefined };
    limit = begin + (end - begin) * Math.min(0.9, (0.9 * room) / member.length);
  }
}

function oneMember(lines: Buffer, length: number): Buffer {
  const member = gzipSync(lines);
  const left = roomAt(length + member.length);
  return left < FILLER_BYTES_MIN ? padMember(member, left) : member;
}

/** A member that holds nothing and takes so many bytes. */
function filler(bytes: number): Buffer {
  const empty = gzipSync(Buffer.alloc(0));
  return padMember(empty, bytes - empty.length);
}

/** The same member, longer by `bytes`: a comment in its header (RFC 1952), which every reader skips. */
function padMember(member: Buffer, bytes: number): Buffer {
  if (bytes === 0) return member;
  const header = Buffer.from(member.subarray(0, HEADER_BYTES));
  header[FLAGS] = (header[FLAGS] ?? 0) | FLAG_COMMENT;
  const comment = Buffer.alloc(bytes, ' ');
  comment[bytes - 1] = 0;
  return Buffer.concat([header, comment, member.subarray(HEADER_BYTES)]);
}
