// Scripts that must clean up end on the first signal and do not leave before they have: further signals change
// nothing (npm passes a Ctrl-C on once more to what it runs).

/** Aborts on the first SIGINT, SIGTERM or SIGHUP, and says so. */
export function stopOnce(write: (text: string) => void): AbortSignal {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => {
      if (stop.signal.aborted) return;
      write(`\n${name}: ending what runs\n`);
      stop.abort(new Error(name));
    });
  return stop.signal;
}
