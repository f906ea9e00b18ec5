export type Tool = 'node' | 'java' | 'maven';
export function readVersion(text: string): number[] | undefined;
export function isAtLeast(version: readonly number[], least: readonly number[]): boolean;
export function missingPrerequisites(
  names: readonly Tool[],
  find?: (name: Tool) => readonly number[] | undefined,
  platform?: NodeJS.Platform,
): string[];
