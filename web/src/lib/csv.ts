// Tables as CSV (RFC 4180), readable by spreadsheets and by scripts.

export type Cell = string | number | null;

/** A text cell that a spreadsheet would run as a formula is defused with a leading apostrophe. */
function cell(value: Cell): string {
  if (value === null) return '';
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : '';
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Header and rows as one text. Unknown values are empty cells, never 0; numbers have a decimal point. */
export function toCsv(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return [header, ...rows].map((row) => `${row.map(cell).join(',')}\r\n`).join('');
}
