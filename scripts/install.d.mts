/** Whether node_modules under `root` is what its package-lock.json names, on this platform. */
export function isInstalled(root: string): boolean;
/** Notes that it is. Called last, when an installation is complete. */
export function markInstalled(root: string): void;
/** Installs what is missing; resolves to 0, or to the exit code to leave with. */
export function install(root: string, say: (line: string) => void): Promise<number>;
