import { describe, expect, test } from 'vitest';
import {
  formatBytes,
  formatEnergy,
  formatLimit,
  formatMoney,
  formatPercent,
  formatPower,
  formatSpan,
  UNKNOWN,
} from '../../src/lib/format';

const plain = (text: string): string => text.replace(/[\u00a0\u202f]/g, ' ');

describe('power', () => {
  test.each([
    [0, '0 W'],
    [-0.4, '0 W'],
    [414.4, '414 W'],
    [999.4, '999 W'],
    [999.6, '1.0 kW'],
    [-1240, '−1.2 kW'],
    [99_940, '99.9 kW'],
    [99_960, '100 kW'],
    [250_400, '250 kW'],
  ])('%d W reads %s', (watts, text) => {
    expect(plain(formatPower(watts, 'en'))).toBe(text);
  });

  test('the unit never breaks away from its number', () => {
    expect(formatPower(5, 'en')).toBe('5\u00a0W');
  });

  test('a German reads a decimal comma', () => {
    expect(plain(formatPower(1240, 'de'))).toBe('1,2 kW');
  });
});

test.each([null, undefined, NaN, Infinity])('what is not known (%s) is a dash in every format, never zero', (value) => {
  expect(formatPower(value, 'en')).toBe(UNKNOWN);
  expect(formatEnergy(value, 'en')).toBe(UNKNOWN);
  expect(formatPercent(value, 'en')).toBe(UNKNOWN);
  expect(formatMoney(value, 'USD', 'en')).toBe(UNKNOWN);
  expect(formatBytes(value, 'en')).toBe(UNKNOWN);
  expect(formatSpan(value, 'en')).toBe(UNKNOWN);
});

test.each([
  [0, '0.0 kWh'],
  [38.46, '38.5 kWh'],
  [99.94, '99.9 kWh'],
  [99.96, '100 kWh'],
  [9999.4, '9,999 kWh'],
  [9999.6, '10.0 MWh'],
  [-3, '−3.0 kWh'],
])('%d kWh reads %s', (kwh, text) => {
  expect(plain(formatEnergy(kwh, 'en'))).toBe(text);
});

test.each([
  [0, '0 s'],
  [12.9, '12 s'],
  [240, '4 min'],
  [12_000, '3 h 20 min'],
  [7200, '2 h'],
  [180_000, '2 days 2 h'],
  [-5, '0 s'],
])('%d seconds read %s', (seconds, text) => {
  expect(plain(formatSpan(seconds, 'en'))).toBe(text);
});

test.each([
  [999, '999 B'],
  [12_400_000_000, '12 GB'],
  [8_400_000, '8.4 MB'],
])('%d bytes read %s', (bytes, text) => {
  expect(plain(formatBytes(bytes, 'en'))).toBe(text);
});

test('the end of a scale has no decimal that says nothing', () => {
  expect(plain(formatLimit(10_000, 'en'))).toBe('10 kW');
  expect(plain(formatLimit(6200, 'en'))).toBe('6.2 kW');
});

test('money is written as the reader does, in the site’s currency', () => {
  expect(plain(formatMoney(6.12, 'USD', 'en-US'))).toBe('$6.12');
  expect(plain(formatMoney(6.12, 'EUR', 'de'))).toBe('6,12 €');
});
