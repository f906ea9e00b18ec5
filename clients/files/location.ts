// From the location of a table or directory (`hdfs://host:port/path`, `webhdfs://...`, `file:/path`, `/path`) to the
// FileSystem that reaches it and the path to use there. Locations come as Hadoop prints them: not percent-encoded.
import { resolve } from 'node:path';
import { PipelineError } from '../../pipeline/errors.ts';
import type { FileSystem } from './file-system.ts';
import { LocalFiles } from './local.ts';
import { WebHdfs, type WebHdfsSettings } from './webhdfs.ts';

export interface Located {
  readonly files: FileSystem;
  /** Absolute path of the location, without a slash at its end. */
  readonly path: string;
}

/**
 * `hdfs:` and `webhdfs:` go through the NameNodes of `hdfs`, whatever host the location names (it may be the name of a
 * nameservice). Throws CONFIG_INVALID for any other scheme and for a relative path.
 */
export function openLocation(location: string, hdfs: WebHdfsSettings): Located {
  const { scheme = 'file', path = '' } =
    /^(?:(?<scheme>[a-z0-9]+):)?(?:\/\/[^/]*)?(?<path>\/(?!\/).*)$/s.exec(location)?.groups ?? {};
  const trimmed = path.replace(/\/+$/, '') || '/';
  if (path !== '' && scheme === 'file') return { files: new LocalFiles(), path: trimmed };
  if (path !== '' && (scheme === 'hdfs' || scheme === 'webhdfs')) {
    return { files: new WebHdfs(hdfs), path: trimmed };
  }
  throw new PipelineError('CONFIG_INVALID', `cannot reach files at ${location}`, {
    hint: 'Use hdfs://host:port/path, or file:/path for a directory that HiveServer2 and this machine share.',
    context: { location },
  });
}

/** A location as a person writes it: one without a scheme is a path, below the working directory unless it is absolute. */
export function absoluteLocation(location: string): string {
  return /^[a-z]+:/.test(location) ? location : resolve(location);
}
