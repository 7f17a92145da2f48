// Samples a product of axes: so many rows that any `strength` values of different axes occur together in one of them.

/** Every combination of the values of some keys. */
export function combinations(axes) {
  return Object.entries(axes).reduce(
    (all, [name, values]) => all.flatMap((one) => values.map((value) => ({ ...one, [name]: value }))),
    [{}],
  );
}

/** The sets of values in a row that are to occur together somewhere, each as a text. */
function tuplesOf(row, names, strength) {
  return subsets(names, strength).map((chosen) => JSON.stringify(chosen.map((name) => [name, row[name]])));
}

function subsets(names, size) {
  if (size === 0) return [[]];
  return names.flatMap((name, at) => subsets(names.slice(at + 1), size - 1).map((rest) => [name, ...rest]));
}

/** Takes, as long as something is left to cover, the row that covers most of it: the same rows every time. */
export function covering(axes, strength) {
  const names = Object.keys(axes);
  const all = combinations(axes).map((row) => ({ row, tuples: tuplesOf(row, names, strength) }));
  const left = new Set(all.flatMap(({ tuples }) => tuples));
  const rows = [];
  while (left.size > 0) {
    const gain = ({ tuples }) => tuples.filter((tuple) => left.has(tuple)).length;
    const best = all.reduce((one, other) => (gain(other) > gain(one) ? other : one));
    for (const tuple of best.tuples) left.delete(tuple);
    rows.push(best.row);
  }
  return rows;
}
