export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function percentile(numbers, percent) {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil((percent / 100) * sorted.length) - 1)];
}

/** Three digits that count, and thousands apart. */
export function show(number) {
  if (!Number.isFinite(number)) return '–';
  if (Math.abs(number) >= 100) return Math.round(number).toLocaleString('en').replaceAll(',', ' ');
  return String(Number(number.toPrecision(3)));
}

/** The median, and between what it lay. */
export function spread(numbers) {
  if (numbers.length === 1) return show(numbers[0]);
  return `${show(median(numbers))} (${show(Math.min(...numbers))}..${show(Math.max(...numbers))})`;
}

export function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
