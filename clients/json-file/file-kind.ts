// What a file is to the person who reads an error about it.
import { describe, PipelineError } from '../../pipeline/errors.ts';

export interface FileKind {
  /** Completes "cannot write the ...": `position file`. */
  readonly name: string;
  /** The setting that names the file. */
  readonly setting: string;
  /** Sentences that end a hint. */
  readonly hints: {
    /** What else to do when another process holds it. */
    readonly locked: string;
    /** What becomes of the data when it is moved away. */
    readonly damaged: string;
    /** What becomes of the data when it cannot be written. */
    readonly unwritable: string;
  };
}

export function unwritable(file: string, kind: FileKind, error: unknown): PipelineError {
  const message = `cannot write the ${kind.name} ${file}: ${describe(error)}`;
  return new PipelineError('POSITION_UNWRITABLE', message, {
    hint: `Free space on that disk, or give this user the right to write there (${kind.setting}). ${kind.hints.unwritable}`,
    context: { file },
    cause: error,
  });
}
