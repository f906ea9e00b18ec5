// The contract of files that grow by whole parts and are never open for writing: what readers see ends with a whole line at any
// moment. HDFS has one step for that (growing-hdfs.ts); on a local disk it takes more (growing-local.ts).

/** What is to be staged of some lines. */
export interface Part {
  readonly body: readonly Buffer[];
  /** How much the file will grow by; on a local disk an estimate. */
  readonly bytes: number;
}

export interface GrowingFiles {
  /** `lines`: whole lines, at least one, in pieces. */
  pack(lines: readonly Buffer[], isGzip: boolean): Promise<Part>;
  /**
   * Moves the lines in `source` to the end of `target`, which is made when it is missing; gzip where its name ends in `.gz`.
   * `source` is gone afterwards, and one that is gone was moved before: it happens once and may be repeated. Throws HDFS_*,
   * FILES_REJECTED, SINK_OUTCOME_UNKNOWN.
   */
  grow(source: string, target: string, signal: AbortSignal): Promise<void>;
}
