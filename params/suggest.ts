// "Did you mean": the known name nearest to one that nobody knows.

/** The candidate that differs least from `name`, undefined when none is near. Case, `_`, `-` and `.` do not count. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  const wanted = fold(name);
  const allowed = Math.min(3, Math.floor(wanted.length / 3));
  let best: string | undefined;
  let bestDistance = allowed + 1;
  for (const candidate of candidates) {
    const distance = editDistance(wanted, fold(candidate), bestDistance);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

const fold = (name: string) => name.toLowerCase().replace(/[_.-]/g, '');

/** Insertions, deletions, replacements and swaps of neighbours between `a` and `b`; `limit` when it is that or more. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[row - 1] === b[column - 1];
      const swapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      const costs = [
        (last[column] ?? limit) + 1,
        (current[column - 1] ?? limit) + 1,
        (last[column - 1] ?? limit) + (same ? 0 : 1),
      ];
      if (swapped && row > 1 && column > 1) costs.push((before[column - 2] ?? limit) + 1);
      current.push(Math.min(...costs));
    }
    before = last;
    last = current;
  }
  return last[b.length] ?? limit;
}
