// Sizes as a person types them: 100MB, 512KB, 1GB.

const BYTES: Readonly<Record<string, number>> = { '': 1, KB: 2 ** 10, MB: 2 ** 20, GB: 2 ** 30 };

/** Bytes of `100MB`, `512 kb`, `1.5GB` or a bare number of bytes, in steps of 1024; undefined for anything else. */
export function byteSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([KMG]B)?$/i.exec(text);
  const bytes = Number(match?.[1]) * (BYTES[(match?.[2] ?? '').toUpperCase()] ?? Number.NaN);
  return bytes > 0 ? Math.round(bytes) : undefined;
}
