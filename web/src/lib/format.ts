// Numbers as people read them: units, rounding, sign and "unknown", in the reader's language.
//
// Pure: takes a locale, never asks for one. An unknown value is a dash, never zero.

export const UNKNOWN = '–';
const NBSP = '\u00a0';

const numberFormats = new Map<string, Intl.NumberFormat>();

function numberFormat(locale: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = `${locale}|${JSON.stringify(options)}`;
  let format = numberFormats.get(key);
  if (!format) {
    format = new Intl.NumberFormat(locale, options);
    numberFormats.set(key, format);
  }
  return format;
}

/** A plain number with a fixed number of decimals and a true minus sign. */
export function formatNumber(value: number | null | undefined, locale: string, decimals = 0): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return UNKNOWN;
  const rounded = Number(value.toFixed(decimals));
  const options = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  return numberFormat(locale, options)
    .format(rounded === 0 ? 0 : rounded)
    .replace('-', '−');
}

/** A number and its unit, apart, for displays that set them in different sizes. */
export interface Quantity {
  readonly value: string;
  readonly unit: string;
}

/** Below 1 kW whole watts, from 1 kW one decimal, from 100 kW whole. */
export function powerParts(watts: number | null | undefined, locale: string): Quantity {
  if (watts === null || watts === undefined || !Number.isFinite(watts)) return { value: UNKNOWN, unit: '' };
  const whole = Math.round(Math.abs(watts));
  if (whole < 1000) return { value: formatNumber(watts, locale), unit: 'W' };
  const kw = watts / 1000;
  return { value: formatNumber(kw, locale, Math.abs(kw) < 99.95 ? 1 : 0), unit: 'kW' };
}

/** One decimal below 100 kWh, else whole; from 10 MWh in MWh with one decimal. */
export function energyParts(kwh: number | null | undefined, locale: string): Quantity {
  if (kwh === null || kwh === undefined || !Number.isFinite(kwh)) return { value: UNKNOWN, unit: '' };
  const size = Math.abs(kwh);
  if (size >= 9999.5) return { value: formatNumber(kwh / 1000, locale, 1), unit: 'MWh' };
  return { value: formatNumber(kwh, locale, size < 99.95 ? 1 : 0), unit: 'kWh' };
}

const join = ({ value, unit }: Quantity): string => (unit === '' ? value : `${value}${NBSP}${unit}`);

export const formatPower = (watts: number | null | undefined, locale: string): string =>
  join(powerParts(watts, locale));

export const formatEnergy = (kwh: number | null | undefined, locale: string): string => join(energyParts(kwh, locale));

/** The end of a scale: kW without a decimal that says nothing. */
export const formatLimit = (watts: number, locale: string): string => {
  const kw = watts / 1000;
  return formatUnit(kw, 'kW', locale, Number.isInteger(kw) ? 0 : 1);
};

/** A fraction as whole percent. */
export function formatPercent(fraction: number | null | undefined, locale: string): string {
  if (fraction === null || fraction === undefined || !Number.isFinite(fraction)) return UNKNOWN;
  return numberFormat(locale, { style: 'percent', maximumFractionDigits: 0 }).format(fraction).replace('-', '−');
}

/** An amount in the site's currency. */
export function formatMoney(amount: number | null | undefined, currency: string, locale: string): string {
  if (amount === null || amount === undefined || !Number.isFinite(amount)) return UNKNOWN;
  return numberFormat(locale, { style: 'currency', currency }).format(amount).replace('-', '−');
}

/** A value with a unit of its own (V, A, Hz, ms, °C). */
export function formatUnit(value: number | null | undefined, unit: string, locale: string, decimals = 0): string {
  const text = formatNumber(value, locale, decimals);
  return text === UNKNOWN ? text : `${text}${NBSP}${unit}`;
}

/** Bytes in decimal steps: 12 GB, 8.4 MB. */
export function formatBytes(bytes: number | null | undefined, locale: string): string {
  if (bytes === null || bytes === undefined || !Number.isFinite(bytes)) return UNKNOWN;
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let size = bytes;
  let step = 0;
  while (Math.abs(size) >= 999.5 && step < units.length - 1) {
    size /= 1000;
    step += 1;
  }
  const decimals = step > 0 && Math.abs(size) < 9.95 ? 1 : 0;
  return formatUnit(size, units[step] ?? 'B', locale, decimals);
}

/** A span in its one or two largest units: "12 s", "4 min", "3 h 20 min", "5 days 2 h". */
export function formatSpan(seconds: number | null | undefined, locale: string): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return UNKNOWN;
  const whole = Math.max(0, Math.floor(seconds));
  const minutes = Math.floor(whole / 60);
  const hours = Math.floor(whole / 3600);
  const days = Math.floor(whole / 86400);
  // s, min and h are international symbols; a day has a word of its own in each language.
  const small = (value: number, unit: string): string => formatUnit(value, unit, locale);
  const rest = (text: string, value: number, unit: string): string =>
    value === 0 ? text : `${text} ${small(value, unit)}`;
  if (whole < 60) return small(whole, 's');
  if (whole < 3600) return small(minutes, 'min');
  if (whole < 86400) return rest(small(hours, 'h'), minutes % 60, 'min');
  const day = numberFormat(locale, { style: 'unit', unit: 'day', unitDisplay: 'long' }).format(days);
  return rest(day, hours % 24, 'h');
}
