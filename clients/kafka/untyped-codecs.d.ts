// Types of the two decoders that come without any, as far as codecs.ts uses them.
declare module 'kafkajs-snappy' {
  export default function snappy(): {
    compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>;
    decompress(block: Buffer): Promise<Buffer>;
  };
}

declare module 'lz4js' {
  /** Upper bound of what a frame unpacks to, by its block headers. */
  export function decompressBound(frame: Uint8Array): number;
  /** Unpacks into `target` and returns the length, which is larger than `target` when it did not fit. */
  export function decompressFrame(frame: Uint8Array, target: Uint8Array): number;
}
